namespace Diffusion.TestKit;

/// <summary>Whether tests go through all of their cases, which takes long, instead of a selection that covers every branch.</summary>
public static class FullSweep
{
    /// <summary>Whether <c>DIFFUSION_FULL_SWEEP=1</c> is set.</summary>
    public static bool IsWanted { get; } = Environment.GetEnvironmentVariable("DIFFUSION_FULL_SWEEP") == "1";
}
