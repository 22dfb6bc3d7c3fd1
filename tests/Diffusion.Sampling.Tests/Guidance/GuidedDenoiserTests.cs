using Diffusion.TestKit;
using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Sampling.Tests.Guidance;

/// <summary>Guidance of a network whose clean image is the class plus a tenth of the noisy image; class 3 means "no class".</summary>
public sealed class GuidedDenoiserTests : IDisposable
{
    private const int Classes = 4;
    private readonly List<long> batches = [];
    private readonly ScriptedModel model;
    private readonly Denoiser denoiser;
    private readonly NoiseLevel level;

    public GuidedDenoiserTests()
    {
        model = new ScriptedModel((noisy, _, conditioning) =>
        {
            batches.Add(noisy.shape[0]);
            return (noisy * 0.1) + conditioning.ClassLabels!.to(noisy.dtype).view(-1, 1, 1, 1);
        }, nn.Linear(2, 2, dtype: ScalarType.Float64))
        {
            ClassCount = Classes,
        };
        denoiser = new Denoiser(model, NoiseSchedule.Cosine(), Parameterization.Sample);
        level = denoiser.Schedule.At(500);
    }

    public void Dispose() => model.Dispose();

    [Theory]
    [InlineData(0.0)]
    [InlineData(2.0)]
    [InlineData(7.5)]
    public void The_estimate_moves_away_from_that_without_a_class_in_one_call(double scale)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor noisy = Noisy();
        Estimate estimate = new GuidedDenoiser(denoiser, scale).Denoise(noisy, level, Of(0, 2));

        // 3 + scale * (class - 3)
        Tensor expected = (noisy * 0.1) + tensor([3 - (scale * 3), 3 - scale], ScalarType.Float64).view(-1, 1, 1, 1);
        estimate.Clean.MaxDifference(expected).Should().BeLessThan(1e-12);
        (estimate.Clean.mul(level.Alpha) + estimate.Noise.mul(level.Sigma)).MaxDifference(noisy).Should().BeLessThan(1e-12);
        batches.Should().Equal(4L);
    }

    [Fact]
    public void A_scale_of_one_and_levels_outside_the_interval_cost_one_call_of_the_batch_and_change_nothing()
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor plain = denoiser.Denoise(Noisy(), level, Of(0, 2)).Clean;
        GuidedDenoiser[] unguided =
        [
            new(denoiser, 1),
            new(denoiser, 4) { MinRatio = level.Ratio + 0.01 },
            new(denoiser, 4) { MaxRatio = level.Ratio - 0.01 },
        ];
        batches.Clear();

        unguided.Should().OnlyContain(guided => guided.Denoise(Noisy(), level, Of(0, 2)).Clean.SameBits(plain));
        batches.Should().Equal(2L, 2L, 2L);
        new GuidedDenoiser(denoiser, 4) { MinRatio = level.Ratio, MaxRatio = level.Ratio }
            .Denoise(Noisy(), level, Of(0, 2)).Clean.SameBits(plain).Should().BeFalse();
    }

    [Fact]
    public void Another_class_can_mean_no_class()
    {
        using DisposeScope scope = NewDisposeScope();
        Estimate estimate = new GuidedDenoiser(denoiser, 3) { UnconditionalClass = 1 }.Denoise(Noisy(), level, Of(1, 2));
        Tensor expected = (Noisy() * 0.1) + tensor([1.0, 4.0], ScalarType.Float64).view(-1, 1, 1, 1);
        estimate.Clean.MaxDifference(expected).Should().BeLessThan(1e-12);
    }

    [Fact]
    public void Autoguidance_moves_away_from_the_weaker_model()
    {
        using DisposeScope scope = NewDisposeScope();
        using ScriptedModel weak = new((noisy, _, _) => noisy * 0.3, nn.Linear(2, 2, dtype: ScalarType.Float64));
        Denoiser guide = new(weak, denoiser.Schedule, Parameterization.Sample);
        Estimate estimate = new GuidedDenoiser(denoiser, 2) { Guide = guide }.Denoise(Noisy(), level, Of(0, 2));
        Tensor expected = (Noisy() * -0.1) + tensor([0.0, 4.0], ScalarType.Float64).view(-1, 1, 1, 1); // 0.3 x + 2 (0.1 x + class - 0.3 x)
        estimate.Clean.MaxDifference(expected).Should().BeLessThan(1e-12);
    }

    [Fact]
    public void A_guide_without_classes_gets_no_labels()
    {
        using DisposeScope scope = NewDisposeScope();
        using ScriptedModel weak = new(
            (noisy, _, conditioning) => conditioning.ClassLabels is null ? noisy * 0.3 : throw new ArgumentException("labels"),
            nn.Linear(2, 2, dtype: ScalarType.Float64));
        Denoiser guide = new(weak, denoiser.Schedule, Parameterization.Sample);
        Estimate estimate = new GuidedDenoiser(denoiser, 2) { Guide = guide }.Denoise(Noisy(), level, Of(0, 2));
        Tensor expected = (Noisy() * -0.1) + tensor([0.0, 4.0], ScalarType.Float64).view(-1, 1, 1, 1);
        estimate.Clean.MaxDifference(expected).Should().BeLessThan(1e-12);
    }

    [Fact]
    public void Images_of_one_value_are_rescaled_to_themselves()
    {
        using DisposeScope scope = NewDisposeScope();
        using ScriptedModel weak = new((noisy, _, _) => noisy.Times(0), nn.Linear(2, 2, dtype: ScalarType.Float64));
        Denoiser guide = new(weak, denoiser.Schedule, Parameterization.Sample);
        Tensor flat = Noisy().Times(0);
        Estimate estimate = new GuidedDenoiser(denoiser, 3) { Guide = guide, Rescale = 0.7 }.Denoise(flat, level, Of(0, 2));
        estimate.Clean.isfinite().all().item<bool>().Should().BeTrue();
    }

    [Fact]
    public void A_class_that_the_model_lacks_is_refused_before_the_first_guided_level()
    {
        GuidedDenoiser guided = new(denoiser, 2) { UnconditionalClass = 99, MaxRatio = level.Ratio / 2 };
        FluentActions.Invoking(() => guided.Denoise(Noisy(), level, Of(0, 2))).Should().Throw<ArgumentException>()
            .WithMessage("UnconditionalClass is 99*");
    }

    [Fact]
    public void Rescaling_gives_each_image_the_deviation_of_its_unguided_estimate()
    {
        using DisposeScope scope = NewDisposeScope();
        using ScriptedModel weak = new((noisy, _, _) => noisy * -0.4, nn.Linear(2, 2, dtype: ScalarType.Float64));
        Denoiser guide = new(weak, denoiser.Schedule, Parameterization.Sample);
        Tensor plain = denoiser.Denoise(Noisy(), level, Of(0, 2)).Clean;
        double[] wanted = Deviations(plain);
        double[] half = Guided(0.5);
        double[] whole = Guided(1);
        double[] none = Guided(0);
        for (int i = 0; i < wanted.Length; i++)
        {
            whole[i].Should().BeApproximately(wanted[i], 1e-12);
            half[i].Should().BeApproximately((wanted[i] + none[i]) / 2, 1e-12);
            none[i].Should().BeGreaterThan(2 * wanted[i]);
        }

        double[] Guided(double rescale) => Deviations(new GuidedDenoiser(denoiser, 3) { Guide = guide, Rescale = rescale }
            .Denoise(Noisy(), level, Of(0, 2)).Clean);
    }

    [Fact]
    public void Guidance_without_labels_is_refused_and_every_sampler_takes_it()
    {
        GuidedDenoiser guided = new(denoiser, 2);
        FluentActions.Invoking(() => guided.Denoise(Noisy(), level)).Should().Throw<ArgumentException>()
            .WithMessage("*needs class labels*");
        FluentActions.Invoking(() => new GuidedDenoiser(denoiser, 2) { MinRatio = 2, MaxRatio = 1 }.Denoise(Noisy(), level, Of(0, 2)))
            .Should().Throw<ArgumentException>().WithMessage("MinRatio is 2, above MaxRatio, 1*");
        FluentActions.Invoking(() => new GuidedDenoiser(denoiser, double.NaN)).Should().Throw<ArgumentOutOfRangeException>();
        using Tensor images = new DpmSolver { Steps = 5 }.Sample(guided, new SampleRequest
        {
            Count = 2, ClassLabels = [0, 2], Shape = new ImageShape(1, 4, 4),
        }, cancellationToken: TestContext.Current.CancellationToken);
        images.isfinite().all().item<bool>().Should().BeTrue();
    }

    private static double[] Deviations(Tensor images) => [.. images.std([1, 2, 3]).data<double>()];

    private static Conditioning Of(params long[] classes) => new() { ClassLabels = tensor(classes) };

    private static Tensor Noisy()
    {
        using Generator generator = new(7);
        return randn([2, 1, 4, 4], ScalarType.Float64, generator: generator);
    }
}
