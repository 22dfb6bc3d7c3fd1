using System.Globalization;

namespace Diffusion.Reporting.Tests.Plotting;

public sealed class LogTicksTests
{
    [Theory]
    [InlineData(1e-7, 1e-2, "1E-07 1E-06 1E-05 0.0001 0.001 0.01")]
    [InlineData(0.19, 2.2, "0.2 0.5 1 2")]
    [InlineData(0.9, 1.1, "0.9 0.95 1 1.05 1.1")]
    public void An_axis_has_a_few_labels_whatever_it_spans(double min, double max, string labels) =>
        string.Join(' ', LogTicks.Between(min, max).Select(value => value.ToString("G6", CultureInfo.InvariantCulture)))
            .Should().Be(labels);
}
