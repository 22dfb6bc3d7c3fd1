using static Diffusion.SharedSettings;

namespace Diffusion;

/// <summary>Linear multistep method over sigma.</summary>
internal static class LmsClass
{
    public static DiffusersSchedulerClass Of(string name) => new(name, new BetaSource(), [.. Spacing("linspace"), .. Curves]);
}
