namespace Diffusion.Training;

/// <summary>How a run that has diverged goes back to a checkpoint.</summary>
internal static class Rollback
{
    /// <summary>How often it may: 3.</summary>
    public const int MaxCount = 3;

    /// <summary>What divides the learning rate each time: 3.</summary>
    public const double RateDivisor = 3;
}
