namespace Diffusion.Training;

/// <summary>The optimizers that come with the library.</summary>
public static class Optimizers
{
    /// <summary>
    /// AdamW (Loshchilov and Hutter 2019, algorithm 2) as one fused operator over flat buffers. Weights decay; biases and the gains of
    /// normalization layers do not. Impossible values are reported when the trainer is built.
    /// </summary>
    /// <param name="weightDecay">Weight decay, multiplied by the learning rate. 0 to 0.1 is usual. Default 0.01.</param>
    /// <param name="beta1">The decay of the first moment, in [0, 1). Default 0.9.</param>
    /// <param name="beta2">The decay of the second moment, in [0, 1). Default 0.999.</param>
    /// <param name="epsilon">Added to the denominator. Default 1e-8.</param>
    public static IOptimizerFactory AdamW(double weightDecay = 0.01, double beta1 = 0.9, double beta2 = 0.999, double epsilon = 1e-8) =>
        new AdamWFactory { WeightDecay = weightDecay, Beta1 = beta1, Beta2 = beta2, Epsilon = epsilon };
}
