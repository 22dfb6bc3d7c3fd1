namespace Diffusion.Training;

/// <summary>
/// The operations of a forward pass one after the other, with the parameters of each block; all in numbers of the network's precision.
/// </summary>
/// <param name="numberBytes">The bytes of a number.</param>
/// <param name="isCpu">Whether a CPU trains the network, whose kernels are others than those of GPUs.</param>
internal sealed class MemoryTape(int numberBytes, bool isCpu)
{
    // FlatLayout begins every parameter at a multiple of this.
    private const long Alignment = 128;

    private readonly List<TapeStep> steps = [];
    private readonly List<BlockMemory> blocks = [];
    private readonly List<TapeLayer> layers = [];
    private TapeLayer? open;

    /// <summary>Whether a CPU trains the network.</summary>
    public bool IsCpu => isCpu;

    /// <summary>What each block has, in the order of the forward pass.</summary>
    public IReadOnlyList<BlockMemory> Blocks => blocks;

    /// <summary>The layers that can be recomputed, in the order of the forward pass.</summary>
    public IReadOnlyList<TapeLayer> Layers => layers;

    /// <summary>How many parameters there are.</summary>
    public long Parameters => blocks.Sum(block => block.ParameterCount);

    /// <summary>The length of a flat buffer of all parameters.</summary>
    public long FlatLength { get; private set; }

    /// <summary>All that is kept at the end of the forward pass.</summary>
    public long Kept { get; private set; }

    /// <summary>Begins a block: what follows belongs to it.</summary>
    public void Begin(string name) => blocks.Add(new BlockMemory(name, 0, 0));

    /// <summary>Counts parameters, each by its number of elements.</summary>
    public void Add(params ReadOnlySpan<long> parameters)
    {
        foreach (long elements in parameters)
        {
            blocks[^1] = blocks[^1] with { ParameterCount = blocks[^1].ParameterCount + elements };
            FlatLength += (elements + Alignment - 1) / Alignment * Alignment;
        }
    }

    /// <summary>Appends an operation.</summary>
    public TapeStep Add(TapeStep step)
    {
        steps.Add(step);
        step.Block = blocks.Count - 1;
        if (open is not null)
        {
            open.Again += step.Kept;
            open.Work += step.Work;
        }

        if (open is not { IsRecomputed: true })
        {
            Keep(step.Kept, step.Block);
            return step;
        }

        step.Layer = open;
        open.First ??= step;
        open.Last = step;
        return step;
    }

    /// <summary>Keeps the output of an earlier operation from there on, unless something else keeps it already.</summary>
    public void Keep(TapeStep step, long numbers)
    {
        if (!step.IsKept)
        {
            step.IsKept = true;
            step.Kept += numbers;
            Keep(numbers, step.Block);
        }
    }

    /// <summary>Begins a layer: the operations that follow belong to it.</summary>
    public void Open(TapeLayer layer)
    {
        layers.Add(layer);
        open = layer;
        if (layer.IsRecomputed)
        {
            Keep(layer.Kept, blocks.Count - 1);
        }
    }

    /// <summary>Ends that layer.</summary>
    public void Close() => open = null;

    /// <summary>The most that lives at one time, forward or backward, kept numbers included.</summary>
    public long Peak()
    {
        long live = 0;
        long peak = 0;
        foreach (TapeStep step in steps)
        {
            live += step.Layer is null ? step.Kept : step == step.Layer.First ? step.Layer.Kept : 0;
            long input = step.Layer is null ? 0 : step.Input;
            peak = Math.Max(peak, live + input + step.Output + step.Scratch);
        }

        long across = 0;
        foreach (TapeStep step in Enumerable.Reverse(steps))
        {
            // Computed again: first all that a layer keeps, then back. The first gradient is that of the answer, which later ones lie
            // beside.
            TapeLayer? layer = step.Layer;
            bool begins = step == layer?.Last;
            live += begins ? layer!.Again - layer.Shared : 0;
            long beside = layer is null ? 0 : begins ? layer.Answer : 2 * layer.Answer;
            peak = Math.Max(peak, live + across + step.Output + step.Input + step.Scratch + step.Waiting + beside);
            live -= step.Kept;
            live += step == layer?.First ? layer.Shared - layer.Kept : 0;
            across += step.Across;
        }

        return peak;
    }

    private void Keep(long numbers, int block)
    {
        Kept += numbers;
        blocks[block] = blocks[block] with { ActivationBytes = blocks[block].ActivationBytes + (numbers * numberBytes) };
    }
}
