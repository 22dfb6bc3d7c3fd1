using Diffusion.TestKit;
using Microsoft.Extensions.Options;
using Samples;

namespace Diffusion.Training.Tests.Running;

/// <summary>Observers of whole runs.</summary>
public sealed class RunObserverTests : IDisposable
{
    private readonly TinyModel model = new(channels: 3);
    private readonly DrawnShapes shapes = DrawnShapes.Create(40, 8);

    [Fact]
    public void An_observer_sees_the_start_every_report_every_preview_and_the_end()
    {
        Recorder recorder = new() { Every = 3 };
        using Trainer trainer = Builder(steps: 8).ObserveWith(recorder).Build();

        TrainingResult result = trainer.Run(TestContext.Current.CancellationToken);

        recorder.Seen.Should().Equal(
            "begin 0, 40 images, 0 held out", "preview 3", "report 4", "preview 6", "report 8", "preview 8", "end 8 Completed");
        result.Findings.Should().BeEmpty();
    }

    [Fact]
    public void A_last_step_that_is_a_preview_anyway_has_one_preview()
    {
        Recorder recorder = new() { Every = 4 };
        using Trainer trainer = Builder(steps: 8).ObserveWith(recorder).Build();

        trainer.Run(TestContext.Current.CancellationToken);

        recorder.Seen.Count(seen => seen == "preview 8").Should().Be(1);
    }

    [Fact]
    public void The_last_preview_is_no_reason_for_a_warning_about_rare_previews()
    {
        using Trainer trainer = Builder(steps: 8).ObserveWith(new Recorder { Every = 1000 }).Build();

        trainer.Warnings.Should().NotContain(warning => warning.Option == "AddPreview");
    }

    [Theory]
    [InlineData("begin")]
    [InlineData("preview")]
    [InlineData("end")]
    public void An_observer_that_throws_becomes_a_finding_and_the_run_completes(string where)
    {
        Recorder recorder = new() { Every = 4, Throws = where };
        using Trainer trainer = Builder(steps: 8).ObserveWith(recorder).Build();

        TrainingResult result = trainer.Run(TestContext.Current.CancellationToken);

        result.Step.Should().Be(8);
        result.Findings.Should().ContainSingle().Which.Should().Match<HealthFinding>(
            finding => finding.Kind == FindingKind.CallbackFailed && finding.Seen.Contains("no disk"));
    }

    [Fact]
    public void An_observer_hears_the_error_that_ends_a_run()
    {
        Recorder recorder = new();
        using Trainer trainer = Builder(steps: 200).ObserveWith(recorder)
            .Configure(o =>
            {
                o.Health = o.Health with { MaxGradientNorm = 1e-12 };
                o.ReportEverySteps = 10;
            })
            .Build();

        trainer.Invoking(each => each.Run(TestContext.Current.CancellationToken)).Should().Throw<TrainingDivergedException>();

        recorder.Seen[^1].Should().Match("end * TrainingDivergedException");
    }

    [Fact]
    public void What_an_observer_cannot_do_is_refused_before_the_start()
    {
        Recorder recorder = new() { Problem = "It needs a folder. Name one." };

        Builder(steps: 8).ObserveWith(recorder).Invoking(builder => builder.Build()).Should().Throw<OptionsValidationException>()
            .WithMessage("*It needs a folder. Name one.*");
        recorder.Seen.Should().BeEmpty();
    }

    [Fact]
    public void A_preview_interval_of_zero_is_refused_by_name() =>
        Builder(steps: 8).ObserveWith(new Recorder { Every = 0 }).Invoking(builder => builder.Build()).Should()
            .Throw<OptionsValidationException>().WithMessage("*Recorder: PreviewEverySteps returned 0, but must return at least 1*");

    public void Dispose()
    {
        model.Dispose();
        shapes.Dispose();
    }

    private TrainerBuilder Builder(int steps) => Trainer.For(model).UseDevice(ComputeDevice.Cpu(1)).UseData(shapes)
        .Configure(o => (o.Steps, o.BatchSize, o.ReportEverySteps) = (steps, 4, 4));

    private sealed class Recorder : IRunObserver
    {
        public List<string> Seen { get; } = [];

        public int? Every { get; init; }

        public string? Throws { get; init; }

        public string? Problem { get; init; }

        public IReadOnlyList<string> Problems(TrainingOptions options, IDiffusionModel model) => Problem is null ? [] : [Problem];

        public int? PreviewEverySteps(TrainingOptions options) => Every;

        public void Begin(RunStart start) => See("begin", $" {start.Step}, {start.Images.Count} images, {start.HeldOutImages} held out");

        public void Report(TrainingProgress value) => See("report", $" {value.Step}");

        public void Report(HealthFinding value)
        {
            // The results of the runs are compared.
        }

        public void Preview(TrainingPreview preview) => See("preview", $" {preview.Step}");

        public void End(RunEnd end) => See("end", $" {end.Step} {end.Result?.StopReason.ToString() ?? end.Error!.GetType().Name}");

        private void See(string what, string details)
        {
            Seen.Add(what + details);
            if (what == Throws)
            {
                throw new IOException("no disk");
            }
        }
    }
}
