using Diffusion.Data;
using Diffusion.TestKit;
using Samples;
using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Training.Tests.Health;

/// <summary>Colors of images and of samples.</summary>
public sealed class ColorsTests
{
    [Fact]
    public void Statistics_of_bytes_and_of_floats_are_those_of_the_tensor()
    {
        using DrawnShapes shapes = DrawnShapes.Create(40, 16);
        using ChangedImages floats = new(shapes) { Value = (_, value) => value };
        BatchReader reader = new(shapes);
        using ImageBatch batch = reader.Read([.. Enumerable.Range(0, 40).Select(i => (long)i)]);
        using Tensor planes = batch.Pixels.transpose(0, 1).flatten(1);
        float[] means = planes.mean([1]).data<float>().ToArray();
        float[] deviations = planes.std(1, unbiased: false).data<float>().ToArray();

        foreach (ImageStatistics statistics in new[] { reader.Inspect(), new BatchReader(floats).Inspect() })
        {
            statistics.Images.Should().Be(40);
            statistics.Labels.Should().Be(10);
            statistics.FlatImages.Should().Be(0);
            statistics.RepeatedImages.Should().Be(0);
            for (int channel = 0; channel < 3; channel++)
            {
                statistics.Means[channel].Should().BeApproximately(means[channel], 1e-5);
                statistics.Deviations[channel].Should().BeApproximately(deviations[channel], 1e-5);
                statistics.DeviationsOfMeans[channel].Should().BeInRange(0.01, deviations[channel]);
            }
        }
    }

    [Fact]
    public void Samples_like_the_data_pass_and_shifted_or_flat_ones_do_not()
    {
        using DrawnShapes shapes = DrawnShapes.Create(200, 16);
        BatchReader reader = new(shapes);
        ColorCheck check = new(reader.Inspect());
        using ImageBatch batch = reader.Read([.. Enumerable.Range(0, 16).Select(i => (long)(7 * i))]);
        using Tensor dark = batch.Pixels - 0.5;
        using Tensor pale = (batch.Pixels - 0.5).mul(0.2).add(0.5);
        using Tensor few = dark.narrow(0, 0, 7);

        check.Look(batch.Pixels, 10).Should().BeNull();
        check.Look(dark, 10)!.Kind.Should().Be(FindingKind.ColorShift);
        check.Look(pale, 10)!.Seen.Should().Contain("The contrast of the samples is 0.2");
        check.Look(few, 10).Should().BeNull();
        SampleChecks checks = new(reader.Inspect(), new TrainingOptions());
        checks.Invoking(all => all.Look(batch.Pixels.narrow(1, 0, 1), 1, rollbacks: 0)).Should().Throw<ArgumentException>()
            .WithMessage("*must have the shape ?N, 3, H, W? like the data*");
    }

    [Fact]
    public void Samples_of_a_preview_are_found_with_the_next_report_from_step_1000_on()
    {
        using TinyModel model = new(channels: 3);
        using DrawnShapes shapes = DrawnShapes.Create(100, 8);
        using Trainer trainer = Trainer.For(model).UseDevice(ComputeDevice.Cpu(1)).UseData(shapes)
            .AddPreview(200, preview =>
            {
                using Tensor black = full(8, 3, 8, 8, -1f);
                preview.Check(black);
            })
            .Configure(o => (o.Steps, o.BatchSize, o.ReportEverySteps) = (1200, 4, 200)).Build();

        TrainingResult result = trainer.Run(TestContext.Current.CancellationToken);

        result.Findings.First(finding => finding.Kind == FindingKind.ColorShift).Step.Should().Be(1000);
    }

    [Fact]
    public void A_shift_that_stays_is_said_once()
    {
        using TinyModel model = new(channels: 3);
        using DrawnShapes shapes = DrawnShapes.Create(100, 8);
        using Trainer trainer = Trainer.For(model).UseDevice(ComputeDevice.Cpu(1)).UseData(shapes)
            .AddPreview(200, preview =>
            {
                using Tensor black = full(8, 3, 8, 8, -1f);
                preview.Check(black);
            })
            .Configure(o => (o.Steps, o.BatchSize, o.ReportEverySteps) = (1200, 4, 100)).Build();

        trainer.Run(TestContext.Current.CancellationToken).Findings.Should()
            .ContainSingle(finding => finding.Kind == FindingKind.ColorShift).Which.Step.Should().Be(1000);
    }

    [Fact]
    public void Samples_of_the_last_preview_are_found_at_the_end_of_the_run()
    {
        List<HealthFinding> told = [];
        using TinyModel model = new(channels: 3);
        using DrawnShapes shapes = DrawnShapes.Create(100, 8);
        using Trainer trainer = Trainer.For(model).UseDevice(ComputeDevice.Cpu(1)).UseData(shapes)
            .ReportFindingsTo(new Listener(told))
            .AddPreview(1000, preview =>
            {
                using Tensor black = full(8, 3, 8, 8, -1f);
                preview.Check(black);
            })
            .Configure(o => (o.Steps, o.BatchSize, o.ReportEverySteps) = (1000, 4, 500)).Build();

        TrainingResult result = trainer.Run(TestContext.Current.CancellationToken);

        result.Findings.Should().ContainSingle(finding => finding.Kind == FindingKind.ColorShift);
        told.Should().Equal(result.Findings);
    }

    private sealed class Listener(List<HealthFinding> found) : IProgress<HealthFinding>
    {
        public void Report(HealthFinding value) => found.Add(value);
    }
}
