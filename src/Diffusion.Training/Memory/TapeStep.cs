namespace Diffusion.Training;

/// <summary>
/// One operation of the forward pass, in numbers: what it keeps for the backward pass, and what that needs when it is its turn.
/// </summary>
internal sealed class TapeStep
{
    /// <summary>What is kept for the backward pass from here on; what an earlier operation keeps already is not counted again.</summary>
    public long Kept { get; set; }

    /// <summary>Whether it was found who keeps its output: see <see cref="MemoryTape.Keep(TapeStep, long)"/>.</summary>
    public bool IsKept { get; set; }

    /// <summary>The block that it belongs to, by its number.</summary>
    public int Block { get; set; }

    /// <summary>Multiplications of the forward pass, those of convolutions and attention.</summary>
    public double Work { get; init; }

    /// <summary>The gradient of its output.</summary>
    public long Output { get; init; }

    /// <summary>The gradients of its inputs.</summary>
    public long Input { get; init; }

    /// <summary>Working memory of the operator.</summary>
    public long Scratch { get; init; }

    /// <summary>The gradient that waits beside it, of the other branch of a residual sum.</summary>
    public long Waiting { get; init; }

    /// <summary>The gradients that wait from here on in the backward pass, until the way down takes them; negative where it does.</summary>
    public long Across { get; set; }

    /// <summary>The layer with gradient checkpointing that it belongs to, if any.</summary>
    public TapeLayer? Layer { get; set; }
}
