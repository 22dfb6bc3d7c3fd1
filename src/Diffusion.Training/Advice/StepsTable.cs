using System.Globalization;

namespace Diffusion.Training;

/// <summary>
/// The field's rule of thumb for the length of a run at batch 64, between whose points is interpolated in logarithms: 10,000 images of 64 x
/// 64 take about 200,000 steps, 50,000 take 500,000, a million take a million; 50,000 of 256 x 256 take 500,000. With it the time that
/// these take on one V100: a day, four days, two and a half weeks, ten days.
/// </summary>
internal static class StepsTable
{
    private const double RecognizableAfter = 0.02;
    private const double MaxByRate = 10;
    /// <summary>Fewer steps than these are never suggested.</summary>
    private const double Min = 10_000;

    private static readonly (double Images, double Steps)[] StepsAt64 = [(10_000, 200_000), (50_000, 500_000), (1_000_000, 1_000_000)];
    private static readonly (double Images, double Days)[] DaysAt64 = [(10_000, 1), (50_000, 4), (1_000_000, 17.5)];

    // Measured against 64 x 64, by the two points of 50,000 images.
    private static readonly (double Pixels, double Factor)[] StepsByPixels = [(64 * 64, 1), (256 * 256, 1)];
    private static readonly (double Pixels, double Factor)[] DaysByPixels = [(64 * 64, 1), (256 * 256, 10.5 / 4)];

    /// <summary>What is suggested for a set of images.</summary>
    /// <param name="images">How many images are trained on, at least 1.</param>
    /// <param name="shape">Their size.</param>
    /// <param name="batchSize">Images per step, at least 1.</param>
    public static SuggestedSteps For(long images, ImageShape shape, int batchSize)
    {
        double pixels = (double)shape.Height * shape.Width;
        double atBase = Math.Max(Min, At(StepsAt64, images) * AtInside(StepsByPixels, pixels));

        // A rate that grows with the batch makes up for fewer steps: exactly as much as it grows.
        double batches = BatchSizeScaling.LearningRate(batchSize) / BatchSizeScaling.BaseLearningRate;
        long steps = (long)Rounded(Math.Max(1, atBase / batches));
        double batchesOf64 = batchSize / (64 * batches); // the images seen, against those at batch 64
        bool isInside = images >= DaysAt64[0].Images && images <= DaysAt64[^1].Images && pixels >= DaysByPixels[0].Pixels
            && pixels <= DaysByPixels[^1].Pixels;
        return new SuggestedSteps
        {
            Steps = steps,
            OneV100 = isInside ? TimeSpan.FromDays(At(DaysAt64, images) * At(DaysByPixels, pixels) * batchesOf64) : null,
            Reason = Reason(images, shape, batchSize, atBase, batches),
        };
    }

    /// <summary>When samples should become recognizable.</summary>
    /// <param name="suggested">The usual length of such a run.</param>
    /// <param name="options">The run.</param>
    public static long FirstSamplesStep(SuggestedSteps suggested, TrainingOptions options)
    {
        double usual = BatchSizeScaling.LearningRate(options.BatchSize);
        double byRate = Math.Clamp(usual / options.LearningRate.Peak, 1 / MaxByRate, MaxByRate);
        return options.LearningRate.WarmupOf(options.Steps) + (long)Math.Ceiling(RecognizableAfter * suggested.Steps * byRate);
    }

    private static string Reason(long images, ImageShape shape, int batchSize, double atBase, double batches)
    {
        string place = images < StepsAt64[
            0].Images ? "Fewer images than the rule of thumb names, which begins with 200,000 steps for 10,000"
            : images <= StepsAt64[1].Images ? "Between the rules of thumb of 200,000 steps for 10,000 images and 500,000 for 50,000"
            : images <= StepsAt64[2].Images ? "Between the rules of thumb of 500,000 steps for 50,000 images and 1,000,000 for a million"
            : "More images than the rule of thumb names, which ends with 1,000,000 steps for a million";
        string size = (double)shape.Height * shape.Width is < 64 * 64 or > 256 * 256
            ? $"; images of {shape.Height} x {shape.Width} lie outside its 64 x 64 to 256 x 256"
            : string.Empty;
        string batch = batches == 1 ? string.Empty
            : batches < 1 ? string.Create(CultureInfo.InvariantCulture, $", {1 / batches:0.##} times as many at batch {batchSize}")
            : string.Create(CultureInfo.InvariantCulture, $", divided by {batches:0.##} at batch {batchSize}");
        return string.Create(CultureInfo.InvariantCulture, $"{place}{size}: {Rounded(atBase):N0} steps at batch 64{batch}.");
    }

    // Two digits: the rule knows no more.
    private static double Rounded(double steps)
    {
        double unit = Math.Pow(10, Math.Floor(Math.Log10(steps)) - 1);
        return Math.Max(1, Math.Round(steps / unit, MidpointRounding.AwayFromZero) * unit);
    }

    // Beyond the ends the nearest line is extended.
    private static double At((double X, double Y)[] points, double x)
    {
        int right = Math.Clamp(Array.FindIndex(points, point => point.X >= x), 1, points.Length - 1);
        right = x > points[^1].X ? points.Length - 1 : right;
        ((double x0, double y0), (double x1, double y1)) = (points[right - 1], points[right]);
        double along = Math.Log(x / x0) / Math.Log(x1 / x0);
        return y0 * Math.Pow(y1 / y0, along);
    }

    // Beyond the ends the end holds.
    private static double AtInside((double X, double Y)[] points, double x) => At(points, Math.Clamp(x, points[0].X, points[^1].X));
}
