using System.Text.RegularExpressions;
using Diffusion.Data;
using Diffusion.TestKit;
using Diffusion.Training;
using Microsoft.Extensions.Options;
using Samples;

namespace Diffusion.Reporting.Tests;

/// <summary>The page of a run.</summary>
public sealed partial class RunReportTests : IDisposable
{
    private readonly TemporaryFolder folder = new();
    private readonly TinyModel model = new(channels: 3, classCount: 10);

    private string Run => folder.File("run");

    [Fact]
    public void One_line_in_the_builder_writes_the_page_the_samples_and_the_data()
    {
        using DrawnShapes shapes = DrawnShapes.Create(120, 8);
        Train(shapes, steps: 5, new RunReportOptions { SampleEverySteps = 2, Samples = 4 });

        string html = File.ReadAllText(folder.File("run", "report.html"));
        Directory.GetFiles(folder.File("run", "previews")).Select(Path.GetFileName).Order(StringComparer.Ordinal)
            .Should().Equal("step-000000002.png", "step-000000004.png", "step-000000005.png");
        ImageCodec.ReadSize(folder.File("run", "data.png")).Width.Should().BeGreaterThan(400, "100 images are shown");
        html.Should().Contain("Completed").And.Contain("5 of 5").And.Contain("10 classes").And.Contain("held-out loss");
        Picture().Count(html).Should().Be(8, "there are three grids, four plots and the data");
        RunReport.ToHtml(Run).Should().Be(html, "the page of the run is made of its files");
    }

    [Fact]
    public void Of_many_large_grids_the_page_shows_the_newest_and_those_back_to_the_first()
    {
        Directory.CreateDirectory(folder.File("run", "checkpoints"));
        Directory.CreateDirectory(folder.File("run", "previews"));
        for (int step = 100; step <= 20_000; step += 100)
        {
            File.WriteAllBytes(RunRecord.SamplesIn(Run, step), new byte[150_000]);
        }

        string[] steps = [.. Step().Matches(RunReport.ToHtml(Run)).Select(match => match.Groups[1].Value)];

        steps.Should().HaveCount(8).And.StartWith(["20,000", "19,900"]);
        steps[^1].Should().Be("100");
    }

    [Fact]
    public void The_page_needs_no_other_file_and_no_script()
    {
        using DrawnShapes shapes = DrawnShapes.Create(20, 8);
        Train(shapes, steps: 2, new RunReportOptions { Samples = 2 });
        string html = RunReport.ToHtml(Run);

        html.Should().NotContain("<script").And.NotContain("http:").And.NotContain("https:").And.NotContain("href=");
        html.Should().Contain("default-src &#39;none&#39;; img-src data:");
    }

    [Fact]
    public void Names_with_HTML_are_shown_and_not_run()
    {
        const string Evil = "<img src=x onerror=alert(1)>";
        string images = folder.File("images");
        foreach (string name in (string[])[Evil, "b & c"])
        {
            for (int i = 0; i < 4; i++)
            {
                byte[] pixels = [.. Enumerable.Range(0, 3 * 64).Select(place => (byte)(place * (i + 1)))];
                ImageCodec.Save(new DecodedImage(8, 8, 3, pixels), Path.Combine(images, name, $"<b>{i}.png"));
            }
        }

        using TinyModel two = new(channels: 3, classCount: 2);
        using (IImageSource photos = InMemoryImages.Load(
            ImageFolder.Open(images, 8), cancellationToken: TestContext.Current.CancellationToken))
        using (Trainer trainer = Builder(two, photos, steps: 1, folder.File("<i>run")).WriteReport().Build())
        {
            trainer.Run(TestContext.Current.CancellationToken);
        }

        string html = RunReport.ToHtml(folder.File("<i>run"));
        html.Should().Contain("&lt;img src=x onerror=alert(1)&gt;").And.Contain("b &amp; c").And.Contain("<h1>&lt;i&gt;run</h1>");
        html.Should().NotContain("<img src=x").And.NotContain("<i>").And.NotContain("<b>0");
    }

    [Fact]
    public void A_resumed_run_continues_its_page_and_drops_samples_of_steps_that_it_repeats()
    {
        using DrawnShapes shapes = DrawnShapes.Create(20, 8);
        Train(shapes, steps: 4, new RunReportOptions { SampleEverySteps = 2, Samples = 2 });
        File.Copy(folder.File("run", "previews", "step-000000004.png"), folder.File("run", "previews", "step-000000009.png"));
        using TinyModel again = new(channels: 3, classCount: 10);
        using (Trainer trainer = Builder(again, shapes, steps: 6, Run)
            .WriteReport(new RunReportOptions { SampleEverySteps = 2, Samples = 2 }).Configure(HoldOut).Build())
        {
            trainer.Run(TestContext.Current.CancellationToken);
        }

        Directory.GetFiles(folder.File("run", "previews")).Select(Path.GetFileName).Order(StringComparer.Ordinal)
            .Should().Equal("step-000000002.png", "step-000000004.png", "step-000000006.png");
        RunReport.ToHtml(Run).Should().Contain("6 of 6");
    }

    [Fact]
    public void A_finding_is_on_the_page_at_once_and_stays_when_the_run_rolls_back()
    {
        using DrawnShapes shapes = DrawnShapes.Create(20, 8);
        string page = string.Empty;
        using Trainer trainer = Builder(model, shapes, steps: 3, Run).WriteReport(new RunReportOptions { Samples = 0 })
            .ReportTo(report =>
            {
                if (report.Step == 1)
                {
                    throw new InvalidOperationException("full");
                }

                if (report.Step == 3)
                {
                    new MetricsFile(Run).CutAfter(1); // as a rollback does
                    page = RunReport.ToHtml(Run); // as after the process was killed
                }
            }).Build();

        trainer.Run(TestContext.Current.CancellationToken);

        page.Should().Contain("CallbackFailed at step 1");
    }

    [Fact]
    public void A_finding_of_the_last_step_stays_when_the_run_resumes()
    {
        using DrawnShapes shapes = DrawnShapes.Create(20, 8);
        using (Trainer trainer = Builder(model, shapes, steps: 2, Run).WriteReport(new RunReportOptions { Samples = 0 })
            .ReportTo(report =>
            {
                if (report.Step == 2)
                {
                    throw new InvalidOperationException("full");
                }
            }).Build())
        {
            trainer.Run(TestContext.Current.CancellationToken);
        }

        using TinyModel again = new(channels: 3, classCount: 10);
        using (Trainer trainer = Builder(again, shapes, steps: 4, Run).WriteReport(new RunReportOptions { Samples = 0 }).Build())
        {
            trainer.Run(TestContext.Current.CancellationToken).Findings.Should().BeEmpty();
        }

        RunReport.ToHtml(Run).Should().Contain("CallbackFailed at step 2").And.Contain("4 of 4");
    }

    [Fact]
    public void The_failure_of_an_observer_at_the_end_is_on_the_page()
    {
        using DrawnShapes shapes = DrawnShapes.Create(20, 8);
        using Trainer trainer = Builder(model, shapes, steps: 2, Run).WriteReport(new RunReportOptions { Samples = 0 })
            .ObserveWith(new FailingEnd()).Build();

        trainer.Run(TestContext.Current.CancellationToken);

        File.ReadAllText(folder.File("run", "report.html")).Should().Contain("CallbackFailed at step 2").And.Contain("Completed");
    }

    [Fact]
    public void Guidance_needs_classes_and_label_dropout()
    {
        using DrawnShapes shapes = DrawnShapes.Create(20, 8);
        using TinyModel plain = new(channels: 3);
        using TinyModel guided = new(channels: 3, classCount: 11);
        RunReportOptions options = new() { Samples = 2, Guidance = 3 };

        Builder(plain, shapes, steps: 1, Run).WriteReport(options).Invoking(builder => builder.Build())
            .Should().Throw<OptionsValidationException>().WithMessage("*Guidance (3) needs a model with classes*");
        Builder(model, shapes, steps: 1, Run).WriteReport(options).Invoking(builder => builder.Build())
            .Should().Throw<OptionsValidationException>().WithMessage("*Guidance (3) needs Objective.LabelDropout*Use 0.1 there*");
        using (Trainer trainer = Builder(guided, shapes, steps: 1, Run).WriteReport(options)
            .UseObjective(new Objective { LabelDropout = 0.1 }).Build())
        {
            trainer.Run(TestContext.Current.CancellationToken).Findings.Should().BeEmpty();
        }

        using TinyModel again = new(channels: 3, classCount: 11);
        using Trainer other = Builder(again, shapes, steps: 1, folder.File("other")).WriteReport(options)
            .Configure(o => o.Objective = o.Objective with { LabelDropout = 0.1 }).Build();
        other.Run(TestContext.Current.CancellationToken).Findings.Should().BeEmpty();
    }

    [Fact]
    public void A_run_that_fails_says_so_on_its_page()
    {
        using DrawnShapes shapes = DrawnShapes.Create(20, 8);
        using Trainer trainer = Builder(model, shapes, steps: 100, Run).WriteReport(new RunReportOptions { Samples = 0 })
            .Configure(o => o.Health = o.Health with { MaxGradientNorm = 1e-12 }).Build();

        trainer.Invoking(each => each.Run(TestContext.Current.CancellationToken)).Should().Throw<TrainingDivergedException>();

        string html = RunReport.ToHtml(Run);
        html.Should().Contain("The run ended with an error").And.Contain("SkippedSteps at step").And.NotContain("<h2>Samples");
    }

    [Fact]
    public void The_plan_is_compared_with_the_run()
    {
        using DrawnShapes shapes = DrawnShapes.Create(40, 8);
        TrainerBuilder builder = Builder(model, shapes, steps: 3, Run);
        TrainingPlan plan = builder.Plan(cancellationToken: TestContext.Current.CancellationToken);
        using (Trainer trainer = builder.WriteReport(new RunReportOptions { Samples = 0, Plan = plan }).Build())
        {
            trainer.Run(TestContext.Current.CancellationToken);
        }

        RunReport.ToHtml(Run).Should().Contain("Plan and reality").And.Contain("(median)").And.Contain("MiB");
    }

    [Fact]
    public void A_run_without_a_page_gets_one_afterwards()
    {
        new MetricsFile(folder.Path).Report(Runs.Report(10, 1));

        RunReport.Save(folder.Path, folder.File("pages", "one.html"));

        File.ReadAllText(folder.File("pages", "one.html")).Should().Contain("10 of 20,000");
    }

    [Fact]
    public void A_folder_that_is_no_run_and_impossible_options_are_refused_by_name()
    {
        using DrawnShapes shapes = DrawnShapes.Create(20, 8);
        FluentActions.Invoking(() => RunReport.ToHtml(folder.Path)).Should().Throw<DirectoryNotFoundException>()
            .WithMessage("The folder * is not that of a run*Use the folder that was passed to UseCheckpoints.");
        Trainer.For(model).UseDevice(ComputeDevice.Cpu(1)).UseData(shapes)
            .WriteReport(new RunReportOptions { SampleEverySteps = 0, Samples = 257, Guidance = -1 })
            .Invoking(builder => builder.Build()).Should().Throw<OptionsValidationException>()
            .WithMessage("*SampleEverySteps (0)*Samples (257)*Guidance (-1)*WriteReport needs a run folder*");
    }

    public void Dispose()
    {
        model.Dispose();
        folder.Dispose();
    }

    private static TrainerBuilder Builder(IDiffusionModel network, IImageSource images, int steps, string run) =>
        Trainer.For(network).UseDevice(ComputeDevice.Cpu(1)).UseData(images).UseCheckpoints(run)
            .Configure(o => (o.Steps, o.BatchSize, o.ReportEverySteps) = (steps, 4, 1));

    private static void HoldOut(TrainingOptions options) => (options.HoldOutFraction, options.HoldOutEverySteps) = (0.2, 2);

    private void Train(IImageSource images, int steps, RunReportOptions options)
    {
        using Trainer trainer = Builder(model, images, steps, Run).WriteReport(options)
            .Configure(HoldOut).Build();
        trainer.Run(TestContext.Current.CancellationToken).Findings.Should().BeEmpty();
    }

    private sealed class FailingEnd : IRunObserver
    {
        public void Begin(RunStart start)
        {
        }

        public void Report(TrainingProgress value)
        {
        }

        public void Report(HealthFinding value)
        {
        }

        public void Preview(TrainingPreview preview)
        {
        }

        public void End(RunEnd end) => throw new InvalidOperationException("full");
    }

    [GeneratedRegex("<figcaption>step ([0-9,]+)</figcaption>")]
    private static partial Regex Step();

    [GeneratedRegex("<img src=\"data:image/png;base64,[A-Za-z0-9+/=]+\"")]
    private static partial Regex Picture();
}
