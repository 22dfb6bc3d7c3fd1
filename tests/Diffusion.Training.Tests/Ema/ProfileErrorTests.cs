using System.Globalization;

namespace Diffusion.Training.Tests.Ema;

/// <summary>
/// The errors of reconstructed windows that docs/training.md lists: at the last of n snapshots of the widths 0.05 and 0.10, taken at equal
/// intervals.
/// </summary>
public sealed class ProfileErrorTests
{
    private static readonly double[] Widths = [0.01, 0.02, 0.03, 0.075, 0.15, 0.2, 0.25];

    [Theory]
    [InlineData(10, "48 20 7.7 0.84 2.2 5.3 14")]
    [InlineData(20, "30 8.7 2.6 0.23 0.58 1.6 6.0")]
    [InlineData(50, "8.9 1.7 0.47 0.04 0.09 0.28 2.0")]
    [InlineData(100, "2.6 0.45 0.12 0.01 0.02 0.07 0.85")]
    public void The_errors_are_those_of_the_documentation(int snapshots, string percent)
    {
        PowerProfile[] stored =
        [
            .. Enumerable.Range(1, snapshots).SelectMany(step => new[] { 0.05, 0.1 }
                .Select(width => new PowerProfile(step, PowerProfile.GammaOf(width)))),
        ];
        foreach ((double width, string listed) in Widths.Zip(percent.Split(' ')))
        {
            double error = 100 * ProfileFit.Of(stored, new PowerProfile(snapshots, PowerProfile.GammaOf(width))).RelativeError;
            int digits = listed.Contains('.') ? listed.Length - listed.IndexOf('.') - 1 : 0;
            error.Should().BeApproximately(double.Parse(listed, CultureInfo.InvariantCulture),
                0.5 * Math.Pow(10, -digits), "{0} snapshots give the width {1}", snapshots, width);
        }
    }
}
