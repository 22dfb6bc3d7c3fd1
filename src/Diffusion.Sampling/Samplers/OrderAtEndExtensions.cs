namespace Diffusion.Sampling;

/// <summary>Applies a choice of the order in the last steps.</summary>
internal static class OrderAtEndExtensions
{
    /// <summary>The order of a step.</summary>
    /// <param name="choice">The choice.</param>
    /// <param name="order">The full order.</param>
    /// <param name="left">The number of steps left, this one included.</param>
    /// <param name="autoLowers">Whether <see cref="OrderAtEnd.Auto"/> lowers the order.</param>
    public static int Limit(this OrderAtEnd choice, int order, int left, bool autoLowers = true) => choice switch
    {
        OrderAtEnd.Lowered => Math.Min(order, left),
        OrderAtEnd.Auto when autoLowers => Math.Min(order, left),
        OrderAtEnd.LastStepFirst when left == 1 => 1,
        _ => order,
    };
}
