using Diffusion.TestKit;
using SkiaSharp;

namespace Diffusion.Reporting.Tests.Plotting;

public sealed class PlotFileTests
{
    private const int Glyphs = 754; // letters, and parts of letters

    [Theory]
    [InlineData("lr.jpg", "*lr.jpg' has the extension '.jpg', but plots are saved as .png or .svg. Use '*lr.png'.*")]
    [InlineData("lr", "*lr' has no extension, but plots are saved as .png or .svg. Use '*lr.png'.*")]
    public void Other_extensions_than_PNG_and_SVG_are_refused_before_anything_is_written(string name, string message)
    {
        using TemporaryFolder folder = new();
        string path = Path.Combine(folder.Path, "plots", name);
        FluentActions.Invoking(() => Runs.Range.SavePlot(path)).Should().Throw<ArgumentException>().WithMessage(message);
        Directory.Exists(Path.GetDirectoryName(path)).Should().BeFalse();
    }

    [Fact]
    public void A_missing_folder_is_made_and_an_older_file_is_replaced()
    {
        using TemporaryFolder folder = new();
        string path = Path.Combine(folder.Path, "new", "loss.svg");
        LossCurve.FromReports([]).SavePlot(path);
        LossCurve.FromReports(Runs.Reports).SavePlot(path);

        new SvgPlot(path).Texts.Should().Contain("Loss by step");
        Directory.GetFileSystemEntries(Path.GetDirectoryName(path)!).Should().Equal(path);
    }

    [Theory]
    [InlineData("Läufe, naïve Größe")]
    [InlineData("Zażółć gęślą jaźń, Řeřicha")]
    [InlineData("Εκπαίδευση")]
    [InlineData("Обучение")]
    public void The_names_of_runs_have_their_letters(string name) =>
        ScottPlot.Fonts.GetTypeface(PlotFont.Name, bold: false, italic: false).ContainsGlyphs(name).Should().BeTrue();

    [Fact]
    public void Text_needs_no_installed_font()
    {
        SKTypeface typeface = ScottPlot.Fonts.GetTypeface(PlotFont.Name, bold: false, italic: false);
        (typeface.FamilyName, typeface.GlyphCount).Should().Be(("DejaVu Sans", Glyphs), "an installed font has thousands of glyphs");

        using TemporaryFolder folder = new();
        Runs.Range.SavePlot(folder.File("lr.svg"));
        File.ReadAllText(folder.File("lr.svg")).Should().Contain("font-family=\"DejaVu Sans, Verdana, sans-serif\"");
    }
}
