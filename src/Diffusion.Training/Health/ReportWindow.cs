namespace Diffusion.Training;

/// <summary>Joins consecutive reports, so that checks see enough steps at any report interval.</summary>
internal static class ReportWindow
{
    /// <summary>Joins two reports.</summary>
    /// <param name="first">The earlier report.</param>
    /// <param name="second">The later report. Values that are neither sums nor means are taken from it.</param>
    public static TrainingProgress Join(TrainingProgress first, TrainingProgress second)
    {
        if (!double.IsFinite(first.Loss) || !double.IsFinite(second.Loss))
        {
            // All steps of one report were skipped: ignore its numbers.
            TrainingProgress known = double.IsFinite(second.Loss)
                ? second
                : first with { Step = second.Step, LiveTensors = second.LiveTensors, LeakedTensors = second.LeakedTensors };
            return known with
            {
                FirstSkippedStep = first.FirstSkippedStep ?? second.FirstSkippedStep,
                SkippedSteps = second.SkippedSteps,
                OverflowedSteps = second.OverflowedSteps,
                LossScale = second.LossScale,
                HeldOutLoss = second.HeldOutLoss ?? first.HeldOutLoss,
                HeldOutLossStep = second.HeldOutLossStep ?? first.HeldOutLossStep,
            };
        }

        long steps = first.StepsOfLoss + second.StepsOfLoss;
        double fraction = (double)second.StepsOfLoss / Math.Max(1, steps);
        double loss = Mean(first.Loss, second.Loss);
        double square = Mean(Square(first), Square(second)) - (loss * loss);
        return second with
        {
            StepsReported = first.StepsReported + second.StepsReported,
            StepsOfLoss = steps,
            Loss = loss,
            LossDeviation = steps < 2 ? 0 : Math.Sqrt(Math.Max(0, square) * steps / (steps - 1)),
            RelativeLoss = Mean(first.RelativeLoss, second.RelativeLoss),
            LossByLogSnr = Means(first.LossByLogSnr, second.LossByLogSnr),
            RelativeLossByLogSnr = Means(first.RelativeLossByLogSnr, second.RelativeLossByLogSnr),
            MeanGradientNorm = Mean(first.MeanGradientNorm, second.MeanGradientNorm),
            MaxGradientNorm = Math.Max(first.MaxGradientNorm, second.MaxGradientNorm),
            ClippedShare = Mean(first.ClippedShare, second.ClippedShare),
            DataWaitShare = Mean(first.DataWaitShare, second.DataWaitShare),
            FirstSkippedStep = first.FirstSkippedStep ?? second.FirstSkippedStep,
            HeldOutLoss = second.HeldOutLoss ?? first.HeldOutLoss,
            HeldOutLossStep = second.HeldOutLossStep ?? first.HeldOutLossStep,
        };

        double Mean(double a, double b) => (a * (1 - fraction)) + (b * fraction);

        // The loss of a log-SNR range without images is NaN.
        double[] Means(IReadOnlyList<double> a, IReadOnlyList<double> b) =>
            [.. a.Zip(b, (x, y) => double.IsNaN(x) ? y : double.IsNaN(y) ? x : Mean(x, y))];

        static double Square(TrainingProgress report) =>
            (report.Loss * report.Loss) + (report.LossDeviation * report.LossDeviation * (report.StepsOfLoss - 1)
                / Math.Max(1, report.StepsOfLoss));
    }
}
