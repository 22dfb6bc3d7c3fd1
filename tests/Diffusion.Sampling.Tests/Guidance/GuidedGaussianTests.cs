using Diffusion.TestKit;
using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Sampling.Tests.Guidance;

/// <summary>Guided sampling of normal distributions ends where the closed form of its flow says.</summary>
public sealed class GuidedGaussianTests
{
    public static TheoryData<string, double> Cases()
    {
        TheoryData<string, double> cases = [];
        foreach (string schedule in new[] { "cosine", "edm", "flow" })
        {
            foreach (double scale in new[] { 0.0, 1.5, 4.0 })
            {
                cases.Add(schedule, scale);
            }
        }

        return cases;
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void Classes_of_one_width_guided_are_a_class_with_the_guided_mean(string schedule, double scale)
    {
        // Class 0 has the mean -0.3, class 1, "no class", 0.2.
        using GaussianClasses two = new(Schedule(schedule), (-0.3, 0.5), (0.2, 0.5));
        using GaussianClasses one = new(Schedule(schedule), (0.2 + (scale * (-0.3 - 0.2)), 0.5), (0, 1));
        using Tensor guided = Sample(new GuidedDenoiser(two, scale));
        using Tensor plain = Sample(one);
        guided.MaxDifference(plain).Should().BeLessThan(1e-5);
    }

    [Theory]
    [InlineData(1.5, true)]
    [InlineData(3.0, true)]
    [InlineData(3.0, false)]
    public void Classes_of_two_widths_follow_the_flow_of_the_guided_score(double scale, bool usesOneCall)
    {
        (double strong, double weak, double last, double first) = (0.4, 0.6, 0.01, 80);
        using GaussianClasses classes = new(new EdmSchedule(last, first), (0, strong), (0, weak));
        HeunSampler sampler = new() { Steps = 300, Grid = new KarrasGrid(7) { EndsClean = false }, Clipping = SampleClipping.None };
        using Tensor images = sampler.Sample(new GuidedDenoiser(classes, scale) { UsesOneCall = usesOneCall },
            Request(), cancellationToken: TestContext.Current.CancellationToken);
        using Tensor plain = sampler.Sample(classes, Request(), cancellationToken: TestContext.Current.CancellationToken);

        // dx/dsigma = sigma x (scale / (s1^2 + sigma^2) + (1 - scale) / (s0^2 + sigma^2)), from the same first noise.
        double expected = Shrink(strong, scale - 1) * Shrink(weak, 1 - scale);
        using Tensor ratio = images / plain;
        ratio.min().item<float>().Should().BeApproximately((float)expected, 1e-3f * (float)expected);
        ratio.max().item<float>().Should().BeApproximately((float)expected, 1e-3f * (float)expected);

        double Shrink(double width, double power) =>
            Math.Pow(((width * width) + (last * last)) / ((width * width) + (first * first)), power / 2);
    }

    private static INoiseSchedule Schedule(string name) => name switch
    {
        "edm" => new EdmSchedule(),
        "flow" => new FlowSchedule(),
        _ => NoiseSchedule.Cosine(),
    };

    private static Tensor Sample(IDenoiser denoiser) => new DpmSolver { Steps = 20, Clipping = SampleClipping.None }
        .Sample(denoiser, Request(), cancellationToken: TestContext.Current.CancellationToken);

    private static SampleRequest Request() => new() { Count = 3, ClassLabels = [0], Shape = new ImageShape(1, 4, 4), Seed = 5 };

    /// <summary>The optimal denoiser of two classes of normally distributed pixels.</summary>
    private sealed class GaussianClasses : IDenoiser, IDisposable
    {
        private readonly (double Mean, double Deviation)[] classes;
        private readonly ScriptedModel network = new((noisy, _, _) => noisy) { ClassCount = 2 };

        public GaussianClasses(INoiseSchedule schedule, params (double Mean, double Deviation)[] classes)
        {
            this.classes = classes;
            Source = new Denoiser(network, schedule);
        }

        public Denoiser Source { get; }

        public Estimate Denoise(Tensor noisy, NoiseLevel level, Conditioning? conditioning = null)
        {
            using DisposeScope scope = NewDisposeScope();
            (double Mean, double Deviation)[] own = [.. conditioning!.ClassLabels!.data<long>().Select(label => classes[label])];
            Tensor means = tensor([.. own.Select(c => (float)c.Mean)]).view(-1, 1, 1, 1);
            Tensor pulls = tensor([.. own.Select(c => (float)(level.Alpha * c.Deviation * c.Deviation
                / ((level.Alpha * level.Alpha * c.Deviation * c.Deviation) + (level.Sigma * level.Sigma))))]).view(-1, 1, 1, 1);
            Tensor clean = means + (pulls * (noisy - (means * (float)level.Alpha)));
            Tensor noise = (noisy - (clean * (float)level.Alpha)) / (float)level.Sigma;
            return new Estimate(clean.MoveToOuterDisposeScope(), noise.MoveToOuterDisposeScope());
        }

        public void Dispose() => network.Dispose();
    }
}
