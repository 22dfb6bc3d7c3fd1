using System.Globalization;
using System.Text.Json.Nodes;

namespace Diffusion.Training;

/// <summary>What an <see cref="LrRangeFinder"/> tries.</summary>
public sealed record LrRangeOptions
{
    private const double UsualHighest = 1e-2;

    /// <summary>The first learning rate, above 0: one at which nothing happens yet. Default 1e-7.</summary>
    public double Lowest { get; init; } = 1e-7;

    /// <summary>
    /// The last learning rate, at least ten times the first and at most 1. Null, the default, goes to 1e-2, and from there on, at the same
    /// pace, until the loss rises or the rate is 1.
    /// </summary>
    public double? Highest { get; init; }

    /// <summary>
    /// How many learning rates are tried up to <see cref="Highest"/>, or up to 1e-2, one optimizer step each, 20 to 10,000. Each is the
    /// same multiple of the one before. Default 200.
    /// </summary>
    public int Steps { get; init; } = 200;

    /// <summary>
    /// The optimizer steps of each of the two or three short runs that confirm the suggestion (<see cref="LrRange.Confirmation"/>), 10 to
    /// 10,000. 0 for none: the suggestion is then read off the curve alone. Default 60.
    /// </summary>
    public int ConfirmationSteps { get; init; } = 60;

    /// <summary>
    /// The number of images on which the loss is measured after each step, 1 to 65,536; they are kept on the device. More images take
    /// longer, and the curve represents the whole set better. Null, the default, for as many as a batch has.
    /// </summary>
    public int? EvaluationImages { get; init; }

    /// <summary>Every impossible value, each with its remedy.</summary>
    internal IReadOnlyList<string> Problems => ((string?[])
    [
        Lowest is > 0 and < 1
            ? null
            : string.Create(CultureInfo.InvariantCulture, $"LrRangeOptions.Lowest ({Lowest}) must be above 0 and below 1. Use 1e-7."),
        Last >= 10 * Lowest && Last <= 1
            ? null
            : string.Create(CultureInfo.InvariantCulture,
                $"LrRangeOptions.Highest ({Last}) must be at least 10 times Lowest ({Lowest}) and at most 1. Use ")
                + $"{(Lowest <= 1e-3 ? "1e-2" : Lowest <= 0.1 ? "1" : "a Lowest of 1e-7")}.",
        Steps is >= 20 and <= 10_000
            ? null
            : string.Create(CultureInfo.InvariantCulture, $"LrRangeOptions.Steps ({Steps}) must be in 20..10000. Use 200."),
        ConfirmationSteps is 0 or (>= 10 and <= 10_000)
            ? null
            : string.Create(CultureInfo.InvariantCulture,
                $"LrRangeOptions.ConfirmationSteps ({ConfirmationSteps}) must be 0 or in 10..10000. Use 60."),
        EvaluationImages is null or (>= 1 and <= 65_536)
            ? null : string.Create(CultureInfo.InvariantCulture,
                $"LrRangeOptions.EvaluationImages ({EvaluationImages}) must be in 1..65536. Leave it out for as many as a batch has."),
    ]).OfType<string>().ToArray();

    /// <summary>The options, by which processes compare what they try.</summary>
    internal JsonObject ToJson() => new()
    {
        [nameof(LrRangeOptions)] = new JsonObject
        {
            [nameof(Lowest)] = Lowest, [nameof(Highest)] = Highest, [nameof(Steps)] = Steps,
            [nameof(ConfirmationSteps)] = ConfirmationSteps, [nameof(EvaluationImages)] = EvaluationImages,
        },
    };

    /// <summary>The learning rate of a step.</summary>
    /// <param name="step">From 0 to <see cref="MaxSteps"/> - 1.</param>
    internal double RateAt(int step) => Math.Min(1, Lowest * Math.Pow(Last / Lowest, (double)step / (Steps - 1)));

    /// <summary>The last rate, or the one from which on the sweep ends as soon as the loss rises.</summary>
    internal double Last => Highest ?? UsualHighest;

    /// <summary>The number of steps up to the highest rate of all.</summary>
    internal int MaxSteps => Highest is null
        ? 1 + (int)Math.Floor((Steps - 1) * Math.Log(1 / Lowest) / Math.Log(Last / Lowest))
        : Steps;

    /// <summary>The options of a sweep that tried more rates than <see cref="Steps"/>.</summary>
    internal LrRangeOptions WithSteps(int count) => count <= Steps ? this : this with { Highest = RateAt(count - 1), Steps = count };
}
