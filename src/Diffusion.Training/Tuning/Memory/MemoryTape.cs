namespace Diffusion.Training;

/// <summary>The operations of a forward pass one after the other, with the parameters of each block; all in float32 numbers.</summary>
internal sealed class MemoryTape
{
    // FlatLayout begins every parameter at a multiple of this.
    private const long Alignment = 128;

    private readonly List<TapeStep> steps = [];
    private readonly List<BlockMemory> blocks = [];

    /// <summary>What each block has, in the order of the forward pass.</summary>
    public IReadOnlyList<BlockMemory> Blocks => blocks;

    /// <summary>How many parameters there are.</summary>
    public long Parameters => blocks.Sum(block => block.ParameterCount);

    /// <summary>The length of a flat buffer of all parameters.</summary>
    public long FlatLength { get; private set; }

    /// <summary>All that is kept at the end of the forward pass.</summary>
    public long Kept => steps.Sum(step => step.Kept);

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
        blocks[^1] = blocks[^1] with { ActivationBytes = blocks[^1].ActivationBytes + (step.Kept * sizeof(float)) };
        return step;
    }

    /// <summary>The most that lives at one time, forward or backward, kept numbers included.</summary>
    public long Peak()
    {
        long live = 0;
        long peak = 0;
        foreach (TapeStep step in steps)
        {
            live += step.Kept;
            peak = Math.Max(peak, live + step.Output + step.Scratch);
        }

        long across = 0;
        foreach (TapeStep step in Enumerable.Reverse(steps))
        {
            peak = Math.Max(peak, live + across + step.Output + step.Input + step.Scratch + step.Waiting);
            live -= step.Kept;
            across += step.Across;
        }

        return peak;
    }
}
