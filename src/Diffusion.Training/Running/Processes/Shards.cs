using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Training;

/// <summary>
/// What the processes of a run hold in parts: the state of the optimizer and the averages. They put the parts together where they are
/// needed. Either all processes call a method at the same time; or rank 0 asks for it, while the others serve it.
/// </summary>
internal sealed class Shards
{
    private const long Done = -1;
    private const long ForCheckpoint = -2;

    private readonly RunProcesses processes;
    private readonly RankExchange exchange;
    private readonly FlatShard shard;
    private readonly ShardGather gather;
    private readonly FlatParameters all;
    private readonly FlatParameters part;
    private readonly IOptimizer optimizer;
    private readonly IReadOnlyList<EmaWrapper> averages;
    private IReadOnlyList<ShardedTensor> tensors = [];

    /// <param name="processes">The processes.</param>
    /// <param name="shard">The part of this process.</param>
    /// <param name="all">All parameters.</param>
    /// <param name="part">The parameters of this process.</param>
    /// <param name="optimizer">Updates the parameters of this process.</param>
    /// <param name="averages">The averages of the parameters of this process.</param>
    public Shards(RunProcesses processes, FlatShard shard, FlatParameters all, FlatParameters part, IOptimizer optimizer,
        IReadOnlyList<EmaWrapper> averages)
    {
        (this.processes, this.shard, this.all, this.part) = (processes, shard, all, part);
        (this.optimizer, this.averages) = (optimizer, averages);
        exchange = new RankExchange(processes.Group, all.Values.device);
        gather = new ShardGather(processes.Group, shard);
    }

    /// <summary>The state of the optimizer that is the same in all processes.</summary>
    public IEnumerable<KeyValuePair<string, Tensor>> Same => tensors.Where(tensor => tensor.IsSame)
        .Select(tensor => KeyValuePair.Create(tensor.Name, optimizer.State[tensor.Name]));

    /// <summary>Tensors with the types and shapes of the whole state of the optimizer, without memory. The caller disposes them.</summary>
    public IReadOnlyDictionary<string, Tensor> Shapes() => tensors.ToDictionary(
        tensor => tensor.Name,
        tensor =>
        {
            using Tensor one = zeros([], tensor.Type);
            return one.expand([.. tensor.Shape]);
        },
        StringComparer.Ordinal);

    /// <summary>Agrees with the other processes on the tensors of the optimizer. All processes call it, once.</summary>
    /// <exception cref="DistributedException">A tensor cannot be put together.</exception>
    public void Agree() => tensors = ShardedTensors.Of(exchange, all.Layout, part.Layout, optimizer.State);

    /// <summary>Gets the parameters that the other processes have updated. All processes call it.</summary>
    public void Update() => gather.Update(all);

    /// <summary>Puts an average together. All processes call it, or rank 0 asks for it.</summary>
    /// <param name="average">The number of the average.</param>
    /// <param name="whole">Receives it, in the layout of all parameters, on any device; null where it is not wanted.</param>
    /// <param name="asks">Whether this is rank 0, which asks the others.</param>
    public void Average(int average, Tensor? whole, bool asks = false)
    {
        if (asks)
        {
            Ask(average);
        }

        gather.Copy(averages[average].Held, whole);
        if (whole is not null)
        {
            using IDisposable noGradients = no_grad();
            using DisposeScope scope = NewDisposeScope();
            (long from, long count) = (all.TrainedLength, all.Layout.Length - all.TrainedLength);
            whole.narrow(0, from, count).copy_(all.Values.narrow(0, from, count)); // the average of what does not change
        }
    }

    /// <summary>Puts the state of the optimizer and all averages together, on rank 0, which asks the others.</summary>
    /// <param name="buffers">Receive them.</param>
    public (IReadOnlyDictionary<string, Tensor> Optimizer, IReadOnlyList<Tensor> Averages) Copy(HostBuffers buffers)
    {
        Ask(ForCheckpoint);
        Dictionary<string, Tensor> state = tensors.ToDictionary(
            tensor => tensor.Name, tensor => buffers.Get($"optimizer {tensor.Name}", tensor.Shape, tensor.Type), StringComparer.Ordinal);
        Tensor[] whole = [.. averages.Select((_, i) => buffers.Get($"average {i}", [all.Layout.Length], ScalarType.Float32))];
        GatherAll(state, whole);
        return (state, whole);
    }

    /// <summary>Does what rank 0 asks for until it calls this method too. Waits as long as for its previews.</summary>
    public void Serve()
    {
        if (processes.IsFirst)
        {
            Ask(Done);
            return;
        }

        for (long asked = Ask(0); asked != Done; asked = Ask(0))
        {
            if (asked == ForCheckpoint)
            {
                GatherAll(null, null);
            }
            else
            {
                Average((int)asked, whole: null);
            }
        }
    }

    /// <summary>Copies this process's part of a state.</summary>
    /// <param name="state">The whole state of the optimizer.</param>
    public void RestoreOptimizer(IReadOnlyDictionary<string, Tensor> state)
    {
        using IDisposable noGradients = no_grad();
        foreach (ShardedTensor tensor in tensors.Where(tensor => optimizer.State.ContainsKey(tensor.Name)))
        {
            using DisposeScope scope = NewDisposeScope();
            Tensor own = optimizer.State[tensor.Name];
            Tensor from = state[tensor.Name];
            own.copy_(tensor.IsSame ? from : from.flatten().narrow(0, tensor.StartOf(shard.Rank), own.numel()).view(own.shape));
        }
    }

    /// <summary>Copies this process's part of an average.</summary>
    /// <param name="average">The number of the average.</param>
    /// <param name="weights">The averaged weights of the network, by name.</param>
    public void RestoreAverage(int average, IReadOnlyDictionary<string, Tensor> weights)
    {
        using IDisposable noGradients = no_grad();
        foreach (FlatEntry entry in part.Layout.Entries.Where(entry => entry.Group != ParameterGroup.Objective))
        {
            using DisposeScope scope = NewDisposeScope();
            averages[average].Held.narrow(0, entry.Offset, entry.Length)
                .copy_(weights[entry.Name].flatten().narrow(0, entry.Start, entry.Length));
        }
    }

    // All processes: the whole state is only wanted on rank 0.
    private void GatherAll(Dictionary<string, Tensor>? state, Tensor[]? whole)
    {
        CheckSame();
        foreach (ShardedTensor tensor in tensors)
        {
            Gather(tensor, state?[tensor.Name]);
        }

        for (int i = 0; i < averages.Count; i++)
        {
            Average(i, whole?[i]);
        }
    }

    private void Gather(ShardedTensor tensor, Tensor? to)
    {
        using IDisposable noGradients = no_grad();
        if (tensor.IsSame)
        {
            to?.copy_(optimizer.State[tensor.Name]);
            return;
        }

        for (int owner = 0; owner < shard.World; owner++)
        {
            using DisposeScope scope = NewDisposeScope();
            if (tensor.Counts[owner] == 0)
            {
                continue;
            }

            Tensor values = owner == shard.Rank
                ? optimizer.State[tensor.Name].flatten().to(all.Values.device)
                : empty(tensor.Counts[owner], tensor.Type, all.Values.device);
            if (owner > 0)
            {
                gather.Send(values, owner); // rank 0 has its own
            }

            to?.view(-1).narrow(0, tensor.StartOf(owner), tensor.Counts[owner]).copy_(values);
        }
    }

    // An optimizer that keeps something else under such a name would lose it at the next resume.
    private void CheckSame()
    {
        string[] names = [.. tensors.Where(tensor => tensor.IsSame).Select(tensor => tensor.Name)];
        IReadOnlyList<long[]> sums = exchange.Gather([.. names.Select(name => FlatChecksum.Of(optimizer.State[name])), 0]);
        for (int i = 0; i < names.Length; i++)
        {
            if (sums.Any(one => one[i] != sums[0][i]))
            {
                throw new DistributedException(
                    $"The state of the optimizer cannot be saved: '{names[i]}' belongs to no parameter, and is not the same in all "
                    + "processes. Correct the optimizer (see IOptimizerFactory.CanShard), or leave ShardOptimizer out.");
            }
        }
    }

    // What rank 0 asks for. It may have worked for long before.
    private long Ask(long request)
    {
        processes.Group.Barrier(processes.Options.PauseDeadline);
        return exchange.Gather([request])[0][0];
    }
}
