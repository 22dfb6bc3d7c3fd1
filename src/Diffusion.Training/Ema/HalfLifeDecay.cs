namespace Diffusion.Training;

/// <summary>A half-life in images, at first limited to a ratio of the images seen.</summary>
internal sealed record HalfLifeDecay(double Images, double RampUpRatio) : IEmaDecay
{
    public string Description => PartText.Of("half-life", ("images", Images), ("ramp-up-ratio", RampUpRatio));

    public double At(EmaUpdate update)
    {
        if (update.BatchSize < 1)
        {
            throw new ArgumentOutOfRangeException(nameof(update), update.BatchSize,
                "A half-life in images needs a batch size of at least 1. Pass imagesSeen and batchSize.");
        }

        double halfLife = RampUpRatio == 0 ? Images : Math.Min(Images, RampUpRatio * update.ImagesSeen);
        return Math.Pow(0.5, update.BatchSize / halfLife);
    }
}
