namespace Diffusion.Training;

/// <summary>The optimizers that come with the library.</summary>
public static class Optimizers
{
    /// <summary>AdamW over flat buffers.</summary>
    /// <param name="weightDecay">Weight decay, multiplied by the learning rate; 0 to 0.1 is usual.</param>
    /// <param name="beta1">Decay of the first moment, in [0, 1).</param>
    /// <param name="beta2">Decay of the second moment, in [0, 1).</param>
    public static AdamWFactory AdamW(double weightDecay = 0.01, double beta1 = 0.9, double beta2 = 0.999) =>
        new() { WeightDecay = weightDecay, Beta1 = beta1, Beta2 = beta2 };
}
