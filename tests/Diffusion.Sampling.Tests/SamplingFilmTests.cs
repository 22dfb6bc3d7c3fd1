using Diffusion.TestKit;
using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Sampling.Tests;

public sealed class SamplingFilmTests
{
    [Theory]
    [InlineData("ddim", 6)]
    [InlineData("heun", 6)]
    [InlineData("singlestep", 6)]
    public void A_film_has_one_frame_for_each_level_and_ends_with_the_images_of_the_request(string name, int frames)
    {
        Denoiser denoiser = SamplerCase.Oracle(NoiseSchedule.Cosine());
        using IDiffusionModel model = denoiser.Model;
        StepSampler sampler = name switch
        {
            "heun" => new HeunSampler(),
            "singlestep" => new DpmSolverSinglestep(),
            _ => new DdimSampler(),
        };
        SampleRequest request = SamplerCase.Request with { Count = 5, BatchSize = 2 };
        using DisposeScope scope = NewDisposeScope();
        using Tensor images = (sampler with { Steps = 5 }).Make(denoiser, request);

        IReadOnlyList<Tensor> film = (sampler with { Steps = 5 }).Film(denoiser, request, null, TestContext.Current.CancellationToken);

        film.Should().HaveCount(frames).And.OnlyContain(frame => frame.shape[0] == 5);
        film[^1].MaxDifference(images).Should().BeLessThan(1e-5, "a batch changes no image");
        film[0].std().item<float>().Should().BeLessThan(0.1f, "in pure noise a denoiser expects the mean of all images");
    }

    [Fact]
    public void A_canceled_film_leaves_no_tensors()
    {
        Denoiser denoiser = SamplerCase.Oracle(NoiseSchedule.Cosine());
        using IDiffusionModel model = denoiser.Model;
        Cancel();
        LiveTensors.Settle();
        long before = LiveTensors.OfProcess;
        Cancel();
        LiveTensors.OfProcess.Should().Be(before);

        void Cancel()
        {
            using CancellationTokenSource source = new();
            Action film = () => new DdimSampler { Steps = 9 }.Film(denoiser, SamplerCase.Request,
                new Stop(() => source.Cancel()), source.Token);
            film.Should().Throw<OperationCanceledException>();
        }
    }

    private sealed class Stop(Action stop) : IProgress<SamplingProgress>
    {
        public void Report(SamplingProgress value)
        {
            if (value.Step == 3)
            {
                stop();
            }
        }
    }
}
