using System.Globalization;

namespace Diffusion.Training;

/// <summary>What an <see cref="LrRangeFinder"/> tries.</summary>
public sealed record LrRangeOptions
{
    /// <summary>The first learning rate, above 0: one at which nothing happens yet. Default 1e-7.</summary>
    public double Lowest { get; init; } = 1e-7;

    /// <summary>The last learning rate, at least ten times the first and at most 1: one at which the loss rises. Default 1e-2.</summary>
    public double Highest { get; init; } = 1e-2;

    /// <summary>
    /// How many learning rates are tried, one optimizer step each, 20 to 10,000. Each is the same multiple of the one before. Default 200.
    /// </summary>
    public int Steps { get; init; } = 200;

    /// <summary>
    /// The images on which the loss is measured after each step, at least 1; they are kept on the device. More take longer and make the
    /// curve speak for more of the set. Null, the default, for as many as a batch has.
    /// </summary>
    public int? EvaluationImages { get; init; }

    /// <summary>Every impossible value, each with its remedy.</summary>
    internal IReadOnlyList<string> Problems => ((string?[])
    [
        Lowest is > 0 and < 1
            ? null
            : string.Create(CultureInfo.InvariantCulture, $"LrRangeOptions.Lowest ({Lowest}) must be above 0 and below 1. Use 1e-7."),
        Highest >= 10 * Lowest && Highest <= 1
            ? null
            : string.Create(CultureInfo.InvariantCulture,
                $"LrRangeOptions.Highest ({Highest}) must be at least 10 times Lowest ({Lowest}) and at most 1. Use ")
                + $"{(Lowest <= 1e-3 ? "1e-2" : Lowest <= 0.1 ? "1" : "a Lowest of 1e-7")}.",
        Steps is >= 20 and <= 10_000
            ? null
            : string.Create(CultureInfo.InvariantCulture, $"LrRangeOptions.Steps ({Steps}) must be in 20..10000. Use 200."),
        EvaluationImages is null or (>= 1 and <= 65_536)
            ? null : string.Create(CultureInfo.InvariantCulture,
                $"LrRangeOptions.EvaluationImages ({EvaluationImages}) must be in 1..65536. Leave it out for as many as a batch has."),
    ]).OfType<string>().ToArray();

    /// <summary>The learning rate of a step.</summary>
    /// <param name="step">From 0 to <see cref="Steps"/> - 1.</param>
    internal double RateAt(int step) => Lowest * Math.Pow(Highest / Lowest, (double)step / (Steps - 1));
}
