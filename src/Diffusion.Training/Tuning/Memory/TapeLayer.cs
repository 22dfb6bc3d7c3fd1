namespace Diffusion.Training;

/// <summary>
/// A layer with gradient checkpointing, in numbers: its operations keep nothing, and come back for the layer's own backward pass.
/// </summary>
internal sealed class TapeLayer
{
    /// <summary>What is kept of its inputs from the forward pass on; what somebody else keeps already is not counted again.</summary>
    public required long Kept { get; init; }

    /// <summary>What its first operation counts as kept, but is the layer's input, and so in memory already.</summary>
    public required long Shared { get; init; }

    /// <summary>Its answer: computed again, it lies there through the backward pass of the layer, beside its gradient.</summary>
    public required long Answer { get; init; }

    /// <summary>What its operations keep together, when they are computed again.</summary>
    public long Again { get; set; }

    /// <summary>Its last operation.</summary>
    public TapeStep? Last { get; set; }

    /// <summary>Its first operation.</summary>
    public TapeStep? First { get; set; }
}
