using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Training;

/// <summary>The tensors of an optimizer: its named state, and views that live as long.</summary>
internal sealed class OptimizerState : IDisposable
{
    private readonly Dictionary<string, Tensor> named = new(StringComparer.Ordinal);
    private readonly List<Tensor> owned = [];

    /// <summary>What a checkpoint saves.</summary>
    public IReadOnlyDictionary<string, Tensor> Tensors => named;

    /// <summary>Adds a named float32 number <c>[1]</c>.</summary>
    public Tensor Number(string name, double value, Device device)
    {
        Tensor number = Keep(zeros(1, ScalarType.Float32, device));
        number.Fill(value);
        named.Add(name, number);
        return number;
    }

    /// <summary>Adds one float32 buffer of zeros for each segment, with a named view for each parameter.</summary>
    /// <param name="kind">What comes before the name of the parameter.</param>
    /// <param name="segments">The segments.</param>
    /// <param name="device">The device.</param>
    public Tensor[] Buffers(string kind, IReadOnlyList<ParameterSegment> segments, Device device) =>
        [.. segments.Select(segment => Name(kind, segment, Keep(zeros(segment.To - segment.From, ScalarType.Float32, device))))];

    /// <summary>Names the parts of a buffer by parameter.</summary>
    /// <param name="kind">What comes before the name of the parameter.</param>
    /// <param name="segment">The segment.</param>
    /// <param name="buffer">A buffer with the elements of the segment, which belongs to this state.</param>
    /// <returns>The buffer.</returns>
    public Tensor Name(string kind, ParameterSegment segment, Tensor buffer)
    {
        foreach (FlatEntry entry in segment.Entries)
        {
            named.Add($"{kind}.{entry.Name}", Keep(FlatLayout.View(buffer, entry with { Offset = entry.Offset - segment.From })));
        }

        return buffer;
    }

    /// <summary>Adds a named tensor.</summary>
    public Tensor Add(string name, Tensor tensor)
    {
        named.Add(name, Keep(tensor));
        return tensor;
    }

    /// <summary>The part of a flat buffer that belongs to each segment; the views belong to this state.</summary>
    public Tensor[] Parts(Tensor flat, IReadOnlyList<ParameterSegment> segments) =>
        [.. segments.Select(segment => Keep(flat.narrow(0, segment.From, segment.To - segment.From)))];

    /// <summary>Takes a tensor, which lives as long as this state.</summary>
    public Tensor Keep(Tensor tensor)
    {
        owned.Add(tensor.DetachFromDisposeScope());
        return tensor;
    }

    public void Dispose() => owned.ForEach(tensor => tensor.Dispose());
}
