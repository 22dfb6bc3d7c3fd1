using Diffusion.Data;
using Diffusion.TestKit;
using Samples;
using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Training.Tests.Health;

/// <summary>The fine detail of images and of samples.</summary>
public sealed class DetailCheckTests
{
    private static readonly TrainingOptions Options = new() { Steps = 1000, BatchSize = 64, LearningRate = LearningRate.Constant(1e-4) };

    [Fact]
    public void The_detail_of_bytes_and_of_floats_is_that_of_the_tensor()
    {
        using DrawnShapes shapes = DrawnShapes.Create(40, 16);
        using ChangedImages floats = new(shapes) { Value = (_, value) => value };
        BatchReader reader = new(shapes);
        using ImageBatch batch = reader.Read([.. Enumerable.Range(0, 40).Select(i => (long)i)]);
        using Tensor kernel = tensor(new[] { 0f, -0.25f, 0, -0.25f, 1, -0.25f, 0, -0.25f, 0 }).reshape(1, 1, 3, 3);
        using Tensor residual = nn.functional.conv2d(batch.Pixels.reshape(-1, 1, 16, 16), kernel).square().mean();
        double expected = residual.ToSingle();

        reader.Inspect().Detail.Should().BeApproximately(expected, 1e-6);
        new BatchReader(floats).Inspect().Detail.Should().BeApproximately(expected, 1e-6);
    }

    [Fact]
    public void Noise_and_blur_are_found_and_samples_like_the_data_pass()
    {
        using DrawnShapes shapes = DrawnShapes.Create(200, 16);
        BatchReader reader = new(shapes);
        DetailCheck check = new(reader.Inspect(), Options);
        using ImageBatch batch = reader.Read([.. Enumerable.Range(0, 16).Select(i => (long)(7 * i))]);
        using Tensor noise = randn(batch.Pixels.shape, generator: new Generator(1));
        using Tensor noisy = batch.Pixels + (0.5 * noise);
        using Tensor blurry = nn.functional.avg_pool2d(batch.Pixels, 3, 1, 1);
        using Tensor few = noisy.narrow(0, 0, 7);

        check.Look(batch.Pixels, 500, rollbacks: 0).Should().BeNull();
        check.Look(few, 500, rollbacks: 0).Should().BeNull();
        check.Look(noisy, 500, rollbacks: 0).Should().Match<HealthFinding>(finding =>
            finding.Kind == FindingKind.NoisySamples && finding.Remedy.Contains("lower LearningRate.Peak from 0.0001 to"));
        check.Look(blurry, 500, rollbacks: 0).Should().Match<HealthFinding>(finding =>
            finding.Kind == FindingKind.BlurrySamples && finding.Remedy.Contains("raise LearningRate.Peak from 0.0001 to"));
    }

    [Fact]
    public void Samples_are_judged_in_the_last_quarter_of_a_run_and_not_before_step_1000()
    {
        using DrawnShapes shapes = DrawnShapes.Create(200, 16);
        ImageStatistics data = new BatchReader(shapes).Inspect();
        SampleChecks longRun = new(data, new TrainingOptions { Steps = 4000 });
        SampleChecks shortRun = new(data, new TrainingOptions { Steps = 1200 });
        using Tensor noisy = randn(16, 3, 16, 16, generator: new Generator(1));

        longRun.Look(noisy, 2999, rollbacks: 0).Should().NotContain(finding => finding.Kind == FindingKind.NoisySamples);
        longRun.Look(noisy, 3000, rollbacks: 0).Should().Contain(finding => finding.Kind == FindingKind.NoisySamples);
        shortRun.Look(noisy, 999, rollbacks: 0).Should().BeEmpty();
        shortRun.Look(noisy, 1000, rollbacks: 0).Should().Contain(finding => finding.Kind == FindingKind.NoisySamples);
    }

    [Fact]
    public void Images_without_detail_or_too_small_for_it_are_not_compared()
    {
        using DrawnShapes shapes = DrawnShapes.Create(20, 16);
        ImageStatistics flat = new BatchReader(shapes).Inspect() with { Detail = 0 };
        using Tensor noisy = randn(16, 3, 16, 16, generator: new Generator(1));
        using Tensor tiny = randn(16, 3, 4, 4, generator: new Generator(1));

        new DetailCheck(flat, Options).Look(noisy, 500, rollbacks: 0).Should().BeNull();
        new DetailCheck(flat with { Detail = 1e-3 }, Options).Look(tiny, 500, rollbacks: 0).Should().BeNull();
    }
}
