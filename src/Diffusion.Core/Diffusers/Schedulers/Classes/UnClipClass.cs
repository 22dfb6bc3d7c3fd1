using static Diffusion.SharedSettings;

namespace Diffusion;

/// <summary>DDPM of unCLIP: evenly spaced timesteps, both ends included, and no choice of the schedule.</summary>
internal static class UnClipClass
{
    public static DiffusersSchedulerClass Of(string name) => new(
        name,
        BetaSource.CosineOnly,
        [.. Clipping(true), DiffusersSetting.Choice("variance_type", "fixed_small_log", "fixed_small_log", "learned_range")]);
}
