using System.Globalization;

namespace Diffusion.Tool.Sampling;

/// <summary>The scale of classifier-free guidance that a user types.</summary>
internal static class GuidanceScale
{
    /// <summary>No guidance.</summary>
    public const double None = 1;

    /// <summary>What is wrong with a scale, with the remedy; null for a possible one.</summary>
    public static string? Problem(double scale) => scale is >= 0 and < double.PositiveInfinity
        ? null
        : $"{Text(scale)}, but must be at least 0 and finite. Use {None} for none.";

    /// <summary>The scale as a user types it.</summary>
    public static string Text(double scale) => scale.ToString(CultureInfo.InvariantCulture);
}
