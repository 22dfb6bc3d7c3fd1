using System.Globalization;

namespace Diffusion.Training;

/// <summary>
/// Which learning rates are usual for a batch, and which to try next. 1e-4 to 3e-4 is usual for batches of 64. Smaller batches may have
/// lower rates, and larger ones higher rates, as <see cref="BatchSizeScaling"/> says; neither has to.
/// </summary>
/// <param name="batchSize">Images of one optimizer step.</param>
/// <param name="peak">The peak of the run.</param>
/// <param name="rollbacks">How often the run divided it.</param>
internal sealed class RateAdvice(int batchSize, double peak, int rollbacks = 0)
{
    private const double LowestAtBase = 1e-4;
    private const double HighestAtBase = 3e-4;
    private const double Unusual = 1.5;
    private const double Step = 3;
    private const double SameRate = 1.05; // rates nearer to each other are one

    private readonly double scale = BatchSizeScaling.LearningRate(batchSize) / BatchSizeScaling.BaseLearningRate;
    private readonly double now = peak / Math.Pow(Rollback.RateDivisor, rollbacks);

    /// <summary>The rate that fits the batch.</summary>
    public double Usual => BatchSizeScaling.LearningRate(batchSize);

    /// <summary>The lowest usual rate.</summary>
    public double Lowest => LowestAtBase * Math.Min(1, scale);

    /// <summary>The highest usual rate.</summary>
    public double Highest => HighestAtBase * Math.Max(1, scale);

    /// <summary>What to lower to what: within the usual rates first, and then below them, which is said.</summary>
    public string Lower
    {
        get
        {
            bool isWithin = now > Lowest * SameRate;
            double rate = isWithin ? Math.Clamp(now / Step, Lowest, Highest) : now / Step;
            return Change(rate) + (isWithin ? string.Empty : $", which is below the usual {Text(Lowest)} to {Text(Highest)}");
        }
    }

    /// <summary>What to lower to what, where the rate is far above all usual ones.</summary>
    public string LowerToUsual => Change(Usual);

    /// <summary>What to raise to what; null where the rate is among the highest usual ones already.</summary>
    public string? Higher => peak < Usual / Unusual ? Change(Usual)
        : peak * SameRate < Highest ? Change(Math.Min(peak * Step, Highest))
        : null;

    private string Change(double rate) => $"LearningRate.Peak from {peak.ToString("G3", CultureInfo.InvariantCulture)} to {Text(rate)}";

    private static string Text(double rate) => rate.ToString("G2", CultureInfo.InvariantCulture);
}
