using Diffusion.TestKit;
using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Sampling.Tests;

/// <summary>Several requests in one pass give the images that each gives alone.</summary>
public sealed class JointSamplingTests
{
    public static TheoryData<ISampler> Samplers { get; } = new()
    {
        new DdimSampler { Steps = 6, Eta = 1 },
        new DpmSolver { Steps = 6 },
        new EulerAncestralSampler { Steps = 6 },
        new HeunSampler { Steps = 6 },
        new PredictorCorrectorSampler { Steps = 6 },
    };

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Theory]
    [MemberData(nameof(Samplers))]
    public void Each_request_gets_the_images_that_it_gets_alone(ISampler sampler)
    {
        Denoiser denoiser = SamplerCase.Oracle(NoiseSchedule.Cosine());
        using IDiffusionModel model = denoiser.Model;
        SampleRequest[] requests =
        [
            new() { Count = 2, Seed = 1 }, new() { Count = 1, Seed = 1, FirstIndex = 5 }, new() { Count = 3, Seed = 9 },
            new() { Count = 1, Seed = 3, Shape = ImageShape.Square(6) },
        ];

        IReadOnlyList<Tensor> together = sampler.SampleTogether(denoiser, requests, Token);

        foreach ((SampleRequest request, Tensor images) in requests.Zip(together))
        {
            using Tensor alone = sampler.Make(denoiser, request);
            images.SameBits(alone).Should().BeTrue("the oracle treats each pixel alone, and the noise is each image's own");
            images.Dispose();
        }
    }

    [Fact]
    public void Requests_of_one_shape_share_passes_of_the_batch_size()
    {
        Denoiser denoiser = SamplerCase.Oracle(NoiseSchedule.Cosine());
        using IDiffusionModel model = denoiser.Model;
        List<long> sizes = [];
        ObservedDenoiser observed = new(denoiser, (_, clean) => sizes.Add(clean.shape[0]));
        SampleRequest[] requests = [.. Enumerable.Range(0, 5).Select(seed => new SampleRequest { Count = 2, Seed = seed, BatchSize = 8 })];

        DisposeAll(new DdimSampler { Steps = 1 }.SampleTogether(observed, requests, Token));

        sizes.Should().Equal(8, 2);
    }

    [Fact]
    public void A_sampler_that_takes_means_over_the_batch_samples_each_request_alone()
    {
        Denoiser denoiser = SamplerCase.Oracle(NoiseSchedule.Cosine());
        using IDiffusionModel model = denoiser.Model;
        List<long> sizes = [];
        ObservedDenoiser observed = new(denoiser, (_, clean) => sizes.Add(clean.shape[0]));
        SampleRequest[] requests = [new() { Count = 2, Seed = 1 }, new() { Count = 3, Seed = 2 }];

        DisposeAll(new PredictorCorrectorSampler { Steps = 1, Corrections = 0 }.SampleTogether(observed, requests, Token));

        sizes.Should().Equal(2, 3);
    }

    [Fact]
    public void Every_problem_of_every_request_is_listed_and_nothing_is_sampled()
    {
        Denoiser denoiser = SamplerCase.Oracle(NoiseSchedule.Cosine());
        using IDiffusionModel model = denoiser.Model;
        SampleRequest[] requests = [new() { Count = 0 }, new() { Count = 1, ClassLabels = [3] }];

        FluentActions.Invoking(() => new DdimSampler { Steps = 1 }.SampleTogether(denoiser, requests, Token))
            .Should().Throw<ArgumentException>().WithMessage("*2 problems*Count is 0*no classes*");
    }

    private static void DisposeAll(IReadOnlyList<Tensor> images)
    {
        foreach (Tensor each in images)
        {
            each.Dispose();
        }
    }
}
