using Diffusion.Sampling;

namespace Diffusion.Benchmarks;

/// <summary>One line every half minute.</summary>
internal sealed class SamplingReporter : IProgress<SamplingProgress>
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(30);

    private TimeSpan next = Interval;

    public void Report(SamplingProgress value)
    {
        if (value.Elapsed >= next)
        {
            next = value.Elapsed + Interval;
            TimeSpan left = value.Elapsed * ((1 / value.Fraction) - 1);
            Console.WriteLine($"  {value.Fraction:P0}, {left:mm\\:ss} left");
        }
    }
}
