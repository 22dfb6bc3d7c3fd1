using Diffusion.TestKit;
using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Sampling.Tests;

public sealed class SampleClippingTests
{
    private static readonly float[] Values = [-3f, -1f, -0.5f, 0f, 0.25f, 1f, 1.5f, 2f];

    [Fact]
    public void Clip_keeps_what_lies_in_range_and_brings_the_rest_to_its_edges()
    {
        using Tensor images = tensor(Values).reshape(1, 2, 2, 2);
        using Tensor clipped = SampleClipping.Clip.Apply(images);
        clipped.data<float>().ToArray().Should().Equal(-1, -1, -0.5f, 0, 0.25f, 1, 1, 1);
        images.data<float>().ToArray().Should().Equal(Values, "the argument stays as it is");
    }

    [Fact]
    public void ClipTo_has_edges_of_its_own()
    {
        using Tensor images = tensor(Values).reshape(1, 2, 2, 2);
        using Tensor clipped = SampleClipping.ClipTo(1.25).Apply(images);
        clipped.data<float>().ToArray().Should().Equal(-1.25f, -1, -0.5f, 0, 0.25f, 1, 1.25f, 1.25f);
        SampleClipping.ClipTo(1).Should().Be(SampleClipping.Clip);
        foreach (double max in (double[])[0, -1, double.NaN, double.PositiveInfinity])
        {
            ((Action)(() => SampleClipping.ClipTo(max))).Should().Throw<ArgumentOutOfRangeException>().WithMessage("*above 0*");
        }
    }

    [Fact]
    public void None_changes_nothing()
    {
        using Tensor images = tensor(Values).reshape(1, 2, 2, 2);
        using Tensor same = SampleClipping.None.Apply(images);
        same.SameBits(images).Should().BeTrue();
    }

    [Fact]
    public void Dynamic_thresholding_takes_the_percentile_of_each_image_between_its_neighbors_in_rank()
    {
        // Sorted |x|: 0, 0.25, 0.5, 1, 1, 1.5, 2, 3. Place 0.9 * 7 = 6.3, so s = 2 + 0.3 * (3 - 2) = 2.3.
        using Tensor images = tensor(Values).reshape(1, 2, 2, 2);
        using Tensor actual = SampleClipping.DynamicThreshold(0.9).Apply(images);
        using Tensor expected = tensor(Array.ConvertAll(Values, v => Math.Clamp(v, -2.3, 2.3) / 2.3)).reshape(1, 2, 2, 2);
        actual.MaxDifference(expected).Should().BeLessThan(1e-6);
    }

    [Fact]
    public void Dynamic_thresholding_leaves_an_image_within_range_alone_beside_one_that_is_not()
    {
        using Tensor quiet = tensor(Array.ConvertAll(Values, v => v / 4)).reshape(1, 2, 2, 2);
        using Tensor loud = tensor(Array.ConvertAll(Values, v => v * 4)).reshape(1, 2, 2, 2);
        using Tensor both = cat([quiet, loud], 0);
        using Tensor actual = SampleClipping.DynamicThreshold(1).Apply(both);
        using Tensor first = actual[..1];
        using Tensor second = actual[1..];
        first.SameBits(quiet).Should().BeTrue();
        using Tensor scaled = loud / 12;
        second.MaxDifference(scaled).Should().BeLessThan(1e-6, "the 100th percentile is the largest value, 12");
    }

    [Fact]
    public void Dynamic_thresholding_scales_by_no_more_than_its_maximum()
    {
        using Tensor images = tensor(Values).reshape(1, 2, 2, 2);
        using Tensor actual = SampleClipping.DynamicThreshold(1, max: 1.5).Apply(images);
        using Tensor expected = tensor(Array.ConvertAll(Values, v => Math.Clamp(v, -1.5, 1.5) / 1.5)).reshape(1, 2, 2, 2);
        actual.MaxDifference(expected).Should().BeLessThan(1e-6);
    }

    [Fact]
    public void Parameters_outside_their_range_are_refused()
    {
        foreach (double percentile in (double[])[0, -1, 1.01, double.NaN])
        {
            ((Func<SampleClipping>)(() => SampleClipping.DynamicThreshold(percentile))).Should().Throw<ArgumentOutOfRangeException>();
        }

        foreach (double max in (double[])[0.5, double.NaN])
        {
            ((Func<SampleClipping>)(() => SampleClipping.DynamicThreshold(max: max))).Should().Throw<ArgumentOutOfRangeException>();
        }
    }

    [Fact]
    public void Nothing_is_left_behind()
    {
        using Tensor images = tensor(Values).reshape(1, 2, 2, 2);
        foreach (SampleClipping clipping in (SampleClipping[])[SampleClipping.None, SampleClipping.Clip, SampleClipping.DynamicThreshold()])
        {
            LiveTensors.GrowthOver(5, () => clipping.Apply(images).Dispose()).Should().Be(0);
        }
    }
}
