namespace Diffusion.Sampling;

/// <summary>
/// The order of a multistep solver in its last steps. A step to the clean image always has order 1, whatever the choice.
/// </summary>
public enum OrderAtEnd
{
    /// <summary>What the method's authors use: see the solver. The default.</summary>
    Auto,

    /// <summary>No higher than the number of steps left: 3, 2, 1 in the last three steps.</summary>
    Lowered,

    /// <summary>Order 1 in the last step only.</summary>
    LastStepFirst,

    /// <summary>The full order to the end.</summary>
    Full,
}
