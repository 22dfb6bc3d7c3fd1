using Diffusion.TestKit;
using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Sampling.Tests;

/// <summary>A self-conditioned model is told the estimate of the call before.</summary>
public sealed class SelfConditionedSamplingTests
{
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Every_call_is_told_the_clean_images_of_the_call_before(bool isGuided)
    {
        using DisposeScope scope = NewDisposeScope();
        List<float> told = [];
        List<float> answered = [];
        using ScriptedModel network = new((input, _, _) =>
        {
            told.Add(input[0, 1, 0, 0].item<float>());
            Tensor answer = (input.narrow(1, 1, 1) * 0.5f) + 0.25f;
            answered.Add(answer[0, 0, 0, 0].item<float>());
            return answer;
        })
        { ClassCount = 3 };
        using SelfConditionedModel model = new(network);
        Denoiser denoiser = new(model, NoiseSchedule.Cosine(), Parameterization.Sample);
        IDenoiser used = isGuided ? new GuidedDenoiser(denoiser, 2) : denoiser;
        SampleRequest request = new() { Count = 3, BatchSize = 2, Shape = ImageShape.Square(4, 1), ClassLabels = [1] };

        new HeunSampler { Steps = 3 }.Sample(used, request, cancellationToken: TestContext.Current.CancellationToken).Dispose();

        int calls = told.Count / 2; // two batches
        told[0].Should().Be(0, "there is no estimate yet");
        told[calls].Should().Be(0, "every batch begins without one");
        told.Skip(1).Take(calls - 1).Should().Equal(answered.Take(calls - 1));
        answered.Take(calls).Should().OnlyHaveUniqueItems();
    }

    [Fact]
    public void The_kept_estimates_are_freed()
    {
        using SelfConditionedModel model = new(new ScriptedModel((input, _, _) => input.narrow(1, 1, 1) * 0.5f));
        Denoiser denoiser = new(model, NoiseSchedule.Cosine(), Parameterization.Sample);
        SampleRequest request = new() { Count = 3, BatchSize = 2, Shape = ImageShape.Square(4, 1) };
        Sample();
        LiveTensors.Settle();
        long before = LiveTensors.OfProcess;

        Sample();

        LiveTensors.OfProcess.Should().Be(before);

        void Sample() =>
            new DdimSampler { Steps = 3 }.Sample(denoiser, request, cancellationToken: TestContext.Current.CancellationToken).Dispose();
    }
}
