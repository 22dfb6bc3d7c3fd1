using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Training;

/// <summary>
/// The tensors of a run that a checkpoint contains: weights, averages, and what the optimizer and the objective remember. They are whole in
/// a checkpoint, also where each process of the run holds a part.
/// </summary>
internal sealed class StateTensors : IDisposable
{
    private readonly DisposableStack belongings = new();
    private readonly FlatParameters parameters;
    private readonly IOptimizer optimizer;
    private readonly IReadOnlyList<EmaWrapper> averages;
    private readonly Shards? shards;
    private readonly IReadOnlyDictionary<string, Tensor> weights;
    private readonly Dictionary<string, Tensor> objective;
    private readonly IReadOnlyList<IReadOnlyDictionary<string, Tensor>> averaged;

    /// <param name="parameters">All parameters.</param>
    /// <param name="optimizer">The optimizer.</param>
    /// <param name="learned">The parameters and state of the objective; null if it has none.</param>
    /// <param name="averages">The averages.</param>
    /// <param name="shards">The parts of the processes; null if each process holds everything.</param>
    public StateTensors(
        FlatParameters parameters, IOptimizer optimizer, ObjectiveState? learned, IReadOnlyList<EmaWrapper> averages, Shards? shards)
    {
        (this.parameters, this.optimizer, this.averages, this.shards) = (parameters, optimizer, averages, shards);
        weights = Owned(parameters.Layout.Views(parameters.Values));
        objective = ObjectiveOf(learned);
        averaged = [.. averages.Select(average => shards is null ? Owned(parameters.Layout.Views(average.Held)) : weights)];
    }

    /// <summary>The weights of the network, as views of the live tensors.</summary>
    public IReadOnlyDictionary<string, Tensor> Weights => weights;

    /// <summary>The tensors by which processes compare their states: those that each of them has whole.</summary>
    /// <param name="withOptimizer">Whether those of the optimizer are among them.</param>
    public IEnumerable<(string Name, Tensor Values)> Compared(bool withOptimizer) =>
    [
        ("weights", parameters.Values),
        .. objective.Select(one => (one.Key, one.Value)),
        .. shards is null ? averages.Select(average => ($"average {average.Law.Description}", average.Held)) : [],
        .. withOptimizer ? (shards?.Same ?? optimizer.State).Select(part => ($"optimizer state {part.Key}", part.Value)) : [],
    ];

    /// <summary>The bytes of the tensors of a checkpoint.</summary>
    public long Bytes
    {
        get
        {
            IReadOnlyDictionary<string, Tensor>? shapes = shards?.Shapes();
            long bytes = averaged.Append(weights).Append(Learned(shapes ?? optimizer.State))
                .Sum(tensors => tensors.Values.Sum(tensor => tensor.NumberOfElements * tensor.ElementSize));
            Free(shapes);
            return bytes;
        }
    }

    /// <summary>Returns the state as views of the live tensors, which this process must have whole.</summary>
    /// <param name="manifest">What is not a tensor.</param>
    public Checkpoint Live(CheckpointManifest manifest) => new(manifest, weights, averaged, Learned(optimizer.State));

    /// <summary>Copies the state. If the processes hold parts, rank 0 calls it and the others serve it.</summary>
    /// <param name="manifest">What is not a tensor.</param>
    /// <param name="buffers">Receive the tensors.</param>
    public Checkpoint Copy(CheckpointManifest manifest, HostBuffers buffers)
    {
        if (shards is null)
        {
            return buffers.Copy(Live(manifest));
        }

        (IReadOnlyDictionary<string, Tensor> state, IReadOnlyList<Tensor> whole) = shards.Copy(buffers);
        return new Checkpoint(
            manifest, buffers.Copy("weights", weights), [.. whole.Select(average => parameters.Layout.Views(average))],
            Learned(state, buffers.Copy("objective", objective)));
    }

    /// <summary>Calls an action with an average. If the processes hold parts, rank 0 calls it and the others serve it.</summary>
    /// <param name="average">The number of the average.</param>
    /// <param name="action">Receives the averaged weights by name, only during the call.</param>
    public void WithAverage(int average, Action<IReadOnlyDictionary<string, Tensor>> action)
    {
        if (shards is null)
        {
            action(averaged[average]);
            return;
        }

        using DisposeScope scope = NewDisposeScope();
        Tensor whole = zeros(parameters.Layout.Length, ScalarType.Float32, CPU);
        shards.Average(average, whole, asks: true);
        IReadOnlyDictionary<string, Tensor> views = parameters.Layout.Views(whole);
        action(views);
        Free(views);
    }

    /// <summary>All differences between a checkpoint and this state in names, shapes and types.</summary>
    /// <param name="checkpoint">The checkpoint.</param>
    /// <param name="places">The place of the saved average that each average continues.</param>
    public IReadOnlyList<string> Misfits(Checkpoint checkpoint, IReadOnlyList<int> places)
    {
        IReadOnlyDictionary<string, Tensor>? shapes = shards?.Shapes();
        IReadOnlyList<string> misfits =
        [
            .. NamedWeights.Misfits(weights, checkpoint.Weights),
            .. NamedWeights.Misfits(Learned(shapes ?? optimizer.State), checkpoint.Optimizer),
            .. places.SelectMany((place, mine) => NamedWeights.Misfits(averaged[mine], checkpoint.Averages[place])),
        ];
        Free(shapes);
        return misfits;
    }

    /// <summary>Copies a checkpoint that fits, or this process's part of it.</summary>
    /// <param name="checkpoint">The checkpoint.</param>
    /// <param name="places">The place of the saved average that each average continues.</param>
    public void Restore(Checkpoint checkpoint, IReadOnlyList<int> places)
    {
        NamedWeights.CopyInto(weights, checkpoint.Weights);
        if (shards is null)
        {
            NamedWeights.CopyInto(Learned(optimizer.State), checkpoint.Optimizer);
        }
        else
        {
            NamedWeights.CopyInto(objective, checkpoint.Optimizer.Where(one => objective.ContainsKey(one.Key)));
            shards.RestoreOptimizer(checkpoint.Optimizer);
        }

        for (int mine = 0; mine < places.Count; mine++)
        {
            IReadOnlyDictionary<string, Tensor> saved = checkpoint.Averages[places[mine]];
            if (shards is null)
            {
                NamedWeights.CopyInto(averaged[mine], saved);
            }
            else
            {
                shards.RestoreAverage(mine, saved);
            }
        }

        parameters.RoundValues();
    }

    public void Dispose() => belongings.Dispose();

    private static void Free(IReadOnlyDictionary<string, Tensor>? tensors)
    {
        foreach (Tensor tensor in tensors?.Values ?? [])
        {
            tensor.Dispose();
        }
    }

    private Dictionary<string, Tensor> Learned(
        IReadOnlyDictionary<string, Tensor> state, IReadOnlyDictionary<string, Tensor>? ofObjective = null) =>
        state.Concat(ofObjective ?? objective).ToDictionary(StringComparer.Ordinal);

    private Dictionary<string, Tensor> ObjectiveOf(ObjectiveState? learned)
    {
        Dictionary<string, Tensor> all = new(Owned(parameters.Layout.ObjectiveViews(parameters.Values)), StringComparer.Ordinal);
        foreach ((string name, Tensor tensor) in learned?.Tensors ?? new Dictionary<string, Tensor>(StringComparer.Ordinal))
        {
            all.Add($"{FlatLayout.ObjectivePrefix}state.{name}", tensor);
        }

        return all;
    }

    private IReadOnlyDictionary<string, Tensor> Owned(IReadOnlyDictionary<string, Tensor> views)
    {
        foreach (Tensor view in views.Values)
        {
            belongings.Add(view);
        }

        return views;
    }
}
