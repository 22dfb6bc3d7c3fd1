using Diffusion.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.TestKit;

/// <summary>One operation of a group of threads: who has started it, and its arithmetic, in the order of the ranks.</summary>
internal sealed class ThreadOperation(CollectiveCall call, long number, int worldSize)
{
    private readonly Tensor?[] inputs = new Tensor?[worldSize];
    private readonly Tensor?[] outputs = new Tensor?[worldSize];
    private readonly bool[] here = new bool[worldSize];

    public CollectiveCall Call => call;

    public long Number => number;

    public bool IsComplete => Array.TrueForAll(here, isHere => isHere);

    public int FirstRank => Array.IndexOf(here, true);

    public string Missing => "rank " + string.Join(", ", Enumerable.Range(0, worldSize).Where(rank => !here[rank]));

    public void Add(int rank, Tensor? input, Tensor? output)
    {
        here[rank] = true;
        inputs[rank] = input;
        outputs[rank] = output;
    }

    public void Compute()
    {
        if (call.Kind == CollectiveKind.Barrier)
        {
            return;
        }

        using IDisposable noGradients = no_grad();
        using DisposeScope scope = NewDisposeScope();
        Tensor[] values = [.. inputs.Select(input => input!.view(-1))];
        Tensor[] results = [.. outputs.Select(output => output!.view(-1))];
        Tensor all = call.Kind switch
        {
            CollectiveKind.Broadcast => values[call.Root],
            CollectiveKind.AllGather => cat(values),
            _ => Combined(values),
        };
        for (int rank = 0; rank < worldSize; rank++)
        {
            bool keepsPart = call.Kind == CollectiveKind.ReduceScatter;
            results[rank].copy_(keepsPart ? all.narrow(0, rank * call.Count, call.Count) : all);
        }
    }

    private Tensor Combined(Tensor[] values)
    {
        ScalarType type = call.Type == ScalarType.Int64 ? ScalarType.Int64 : ScalarType.Float32;
        Tensor total = values[0].to_type(type, copy: true);
        foreach (Tensor other in values.Skip(1))
        {
            Tensor next = other.to_type(type);
            total = call.Reduction switch
            {
                ReduceOperation.Sum => total.add_(next),
                ReduceOperation.Max => maximum(total, next),
                _ => minimum(total, next),
            };
        }

        return total;
    }
}
