using Diffusion.Training;

namespace Diffusion.Reporting.Tests;

/// <summary>Reports and range tests with losses that are known.</summary>
internal static class Runs
{
    /// <summary>A report of one step.</summary>
    public static TrainingProgress Report(long step, double loss, double? heldOut = null) => new()
    {
        Step = step,
        Steps = 20_000,
        ImagesSeen = step,
        Loss = loss,
        HeldOutLoss = heldOut,
        HeldOutLossStep = heldOut is null ? null : step,
        GradientNorm = 1,
        LearningRate = 1,
        EmaDecay = null,
        ImagesPerSecond = 1,
        Elapsed = TimeSpan.Zero,
        Remaining = TimeSpan.Zero,
    };

    /// <summary>2000 reports: a loss that falls from 1 towards 0.05, off by up to a tenth; every 100th has a held-out loss.</summary>
    public static IReadOnlyList<TrainingProgress> Reports { get; } =
    [
        .. Enumerable.Range(1, 2000).Select(i => Report(10 * i, Falling(i) * (1 + (0.1 * Math.Sin(97 * i))),
            i % 100 == 0 ? (1.1 * Falling(i)) + (i > 1500 ? 2e-5 * (i - 1500) : 0) : null)),
    ];

    /// <summary>200 rates from 1e-7 to 1e-2 whose losses are lowest at 5e-4.</summary>
    public static LrRange Range { get; } = new()
    {
        StartLoss = 3,
        Points =
        [
            .. Enumerable.Range(0, 200).Select(i => 1e-7 * Math.Pow(1e5, i / 199.0))
                .Select(rate => (Rate: rate, Loss: 0.2 + (0.2 * Math.Pow(Math.Log10(rate) + 3.3, 2))))
                .Select(point => new LrRangePoint(point.Rate, point.Loss * (1 + (0.05 * Math.Sin(1e9 * point.Rate))), point.Loss)),
        ],
        End = LrRangeEnd.Completed,
        EndedAt = null,
        Suggestions =
        [
            new(nameof(LrSuggestionRule.TenthOfLowest), 5e-5, "a tenth of the lowest."),
            new(nameof(LrSuggestionRule.SteepestDescent), 2e-6, "the steepest."),
            new(nameof(LrSuggestionRule.Valley), 1.4e-5, "the middle."),
            new(nameof(LrSuggestionRule.Slide), null, "the slopes never become alike."),
        ],
    };

    private static double Falling(int i) => 0.05 + (0.95 * Math.Exp(-i / 150.0));
}
