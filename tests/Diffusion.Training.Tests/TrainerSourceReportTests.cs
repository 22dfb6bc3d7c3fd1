using Diffusion.Data;
using Diffusion.TestKit;

namespace Diffusion.Training.Tests;

public sealed class TrainerSourceReportTests
{
    private static readonly SkippedImages Stray = new("images next to the class folders", 1, ["sheet.png"]);
    private static readonly SkippedImages Hidden = new("hidden files", 2, [".a", ".b"]) { IsExpected = true };

    [Fact]
    public void What_a_source_left_out_is_logged_once_and_warned_of_unless_nobody_expects_it()
    {
        CollectedLog log = new();
        using TinyModel model = new();
        using StripedImages striped = new();
        using WatchedImages images = new(striped, _ => { }) { Report = new ImageSourceReport(striped.Count, [Stray, Hidden]) };
        using Trainer trainer = Trainer.For(model).UseDevice(ComputeDevice.Cpu(threads: 1)).UseData(images).UseLogger(log).Build();

        trainer.Warnings.Select(warning => warning.Text).Should().ContainSingle(text => text.Contains("skipped", StringComparison.Ordinal))
            .Which.Should().Contain("1 skipped: images next to the class folders (sheet.png)").And.Contain(images.Description);
        string line = log.Lines.Should().ContainSingle(line => line.StartsWith("Images: ", StringComparison.Ordinal)).Which;
        line.Should().Contain(images.Description).And.Contain("sheet.png").And.Contain("2 skipped: hidden files (.a, .b)");
    }

    [Fact]
    public void A_source_that_took_everything_is_warned_of_by_nothing()
    {
        using TinyModel model = new();
        using StripedImages images = new();
        using Trainer trainer = Trainer.For(model).UseDevice(ComputeDevice.Cpu(threads: 1)).UseData(images).Build();
        trainer.Warnings.Should().NotContain(warning => warning.Text.Contains("skipped", StringComparison.Ordinal));
    }
}
