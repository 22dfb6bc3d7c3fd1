using System.Globalization;

namespace Diffusion.Training;

/// <summary>Checks the numbers of optimizers.</summary>
internal static class OptimizerProblems
{
    /// <summary>The messages of the numbers that are impossible.</summary>
    /// <param name="optimizer">The name of the optimizer.</param>
    /// <param name="ends">The end of each message; null for a number that is possible.</param>
    public static IReadOnlyList<string> Of(string optimizer, params string?[] ends) =>
        [.. ends.OfType<string>().Select(end => $"{optimizer}'s {end}")];

    /// <summary>A weight decay.</summary>
    public static string? Decay(double actual, double usual) =>
        Check("WeightDecay", actual, actual is >= 0 and < double.PositiveInfinity, "0 or more", usual);

    /// <summary>The decay of a moment.</summary>
    public static string? Beta(string what, double actual, double usual) =>
        Check(what, actual, actual is >= 0 and < 1, "at least 0 and below 1", usual);

    /// <summary>A number above 0.</summary>
    public static string? Positive(string what, double actual, double usual) =>
        Check(what, actual, actual is > 0 and < double.PositiveInfinity, "above 0", usual);

    /// <summary>A number with a condition.</summary>
    public static string? Check(string what, double actual, bool holds, string expected, double usual) => holds
        ? null
        : string.Create(CultureInfo.InvariantCulture, $"{what} ({actual}) must be {expected}. Use {usual}.");
}
