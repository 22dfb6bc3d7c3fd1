using Diffusion.Data;
using Diffusion.TestKit;
using Samples;
using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Training.Tests.Health;

/// <summary>How much images and samples differ from one another.</summary>
public sealed class SpreadCheckTests
{
    [Fact]
    public void The_spread_of_bytes_and_of_floats_is_that_of_the_tensor()
    {
        using DrawnShapes shapes = DrawnShapes.Create(40, 16);
        using ChangedImages floats = new(shapes) { Value = (_, value) => value };
        BatchReader reader = new(shapes);
        using ImageBatch batch = reader.Read([.. Enumerable.Range(0, 40).Select(i => (long)i)]);
        using Tensor variance = batch.Pixels.to(ScalarType.Float64).var(0, unbiased: true).mean();
        double expected = variance.ToDouble();

        reader.Inspect().Spread.Should().BeApproximately(expected, 1e-6);
        new BatchReader(floats).Inspect().Spread.Should().BeApproximately(expected, 1e-6);
    }

    [Fact]
    public void A_single_image_has_no_spread()
    {
        byte[] pixels = [.. Enumerable.Range(0, 3 * 8 * 8).Select(i => (byte)i)];

        ImageStatistics.Of(pixels, ImageShape.Square(8, 3), PixelEncoding.UInt8, []).Spread.Should().Be(0);
    }

    [Fact]
    public void Samples_that_are_alike_are_found_and_images_of_the_data_pass()
    {
        using DrawnShapes shapes = DrawnShapes.Create(200, 16);
        BatchReader reader = new(shapes);
        SpreadCheck check = new(reader.Inspect());
        using ImageBatch batch = reader.Read([.. Enumerable.Range(0, 16).Select(i => (long)(7 * i))]);
        using Tensor mean = batch.Pixels.mean([0], keepdim: true);
        using Tensor similar = lerp(mean.expand(batch.Pixels.shape), batch.Pixels, 0.4); // 0.16 of the variance
        using Tensor fairly = lerp(mean.expand(batch.Pixels.shape), batch.Pixels, 0.6); // 0.36 of it
        using Tensor few = similar.narrow(0, 0, 7);

        check.Look(batch.Pixels, 500).Should().BeNull();
        check.Look(fairly, 500).Should().BeNull();
        check.Look(few, 500).Should().BeNull();
        check.Look(similar, 500).Should().Match<HealthFinding>(finding =>
            finding.Kind == FindingKind.SimilarSamples && finding.Remedy.Contains("guidance scale")
            && finding.Figures["spread"] > 0.1 && finding.Figures["spread"] < 0.25);
    }

    [Fact]
    public void Samples_are_compared_in_the_last_quarter_of_a_run_and_data_that_is_all_alike_never()
    {
        using DrawnShapes shapes = DrawnShapes.Create(200, 16);
        ImageStatistics data = new BatchReader(shapes).Inspect();
        using Tensor one = rand(1, 3, 16, 16, generator: new Generator(1));
        using Tensor alike = one.expand(16, 3, 16, 16);

        Kinds(data, 2999).Should().NotContain(FindingKind.SimilarSamples);
        Kinds(data, 3000).Should().Contain(FindingKind.SimilarSamples);
        Kinds(data with { Spread = 1e-4 }, 3000).Should().NotContain(FindingKind.SimilarSamples);

        IEnumerable<FindingKind> Kinds(ImageStatistics statistics, long step) =>
            [.. new SampleChecks(statistics, new TrainingOptions { Steps = 4000 }).Look(alike, step, rollbacks: 0)
                .Select(finding => finding.Kind)];
    }
}
