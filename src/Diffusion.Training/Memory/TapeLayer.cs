namespace Diffusion.Training;

/// <summary>
/// A layer that gradient checkpointing may recompute, in numbers: its operations then keep nothing, and come back for the layer's own
/// backward pass.
/// </summary>
internal sealed class TapeLayer
{
    /// <summary>Whether it is recomputed.</summary>
    public required bool IsRecomputed { get; init; }

    /// <summary>What is kept of its inputs from the forward pass on; what somebody else keeps already is not counted again.</summary>
    public required long Kept { get; init; }

    /// <summary>What its first operation counts as kept, but is the layer's input, and so in memory already.</summary>
    public required long Shared { get; init; }

    /// <summary>Its answer: computed again, it lies there through the backward pass of the layer, beside its gradient.</summary>
    public required long Answer { get; init; }

    /// <summary>What its operations keep together: from the forward pass on, or when they are computed again.</summary>
    public long Again { get; set; }

    /// <summary>The work of computing it once more.</summary>
    public double Work { get; set; }

    /// <summary>That work for each number that is then not kept.</summary>
    public double WorkPerNumber => Work / Math.Max(1, Again - Math.Max(Kept, Shared));

    /// <summary>Its last operation.</summary>
    public TapeStep? Last { get; set; }

    /// <summary>Its first operation.</summary>
    public TapeStep? First { get; set; }
}
