using Diffusion.TestKit;
using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Sampling.Tests;

public sealed class SampleRequestTests
{
    [Fact]
    public void Every_problem_is_told_at_once_before_any_work()
    {
        bool asked = false;
        using ScriptedModel model = new((noisy, _, _) =>
        {
            asked = true;
            return zeros_like(noisy);
        }) { SampleShape = SamplerCase.Shape, ClassCount = 10, Complaints = ["Height (4) must be a multiple of 8. Use 8."] };
        Denoiser denoiser = new(model, NoiseSchedule.Cosine());
        SampleRequest request = new() { Count = 0, BatchSize = 0, FirstIndex = -1 };

        string message = ((Action)(() => new DdimSampler { Steps = 0, Eta = 2 }.Make(denoiser, request)))
            .Should().Throw<ArgumentException>().Which.Message;
        message.Should().StartWith("Sampling has 7 problems:")
            .And.Contain("Steps is 0").And.Contain("Eta is 2")
            .And.Contain("Count is 0").And.Contain("BatchSize is 0").And.Contain("FirstIndex is -1")
            .And.Contain("Height (4) must be a multiple of 8. Use 8.").And.Contain("ClassLabels are not set");
        asked.Should().BeFalse();
    }

    [Fact]
    public void A_size_must_come_from_the_request_or_the_model()
    {
        using ScriptedModel model = new((noisy, _, _) => zeros_like(noisy));
        Denoiser denoiser = new(model, NoiseSchedule.Cosine());
        SampleRequest request = new() { Count = 1 };
        request.Problems(denoiser).Should().ContainSingle().Which.Should().StartWith("Shape is not set").And.Contain("Set Shape");

        using Tensor images = new DdimSampler { Steps = 1 }.Make(denoiser, request with { Shape = new ImageShape(1, 2, 3) });
        images.shape.Should().Equal(1, 1, 2, 3);
    }

    [Fact]
    public void A_size_without_pixels_is_refused()
    {
        using ScriptedModel model = new((noisy, _, _) => zeros_like(noisy));
        Denoiser denoiser = new(model, NoiseSchedule.Cosine());
        foreach (ImageShape shape in (ImageShape[])[new(0, 4, 4), new(3, -1, 4), new(3, 4, 0)])
        {
            new SampleRequest { Count = 1, Shape = shape }.Problems(denoiser).Should().ContainSingle().Which.Should().Contain("at least 1");
        }
    }

    [Theory]
    [InlineData(new long[] { 1, 2 }, "*2 labels for 3 images*")]
    [InlineData(new long[] { }, "*0 labels for 3 images*")]
    [InlineData(new long[] { 1, 10, 2 }, "*holds 10, but the model's classes are 0..9*")]
    [InlineData(new long[] { -1 }, "*holds -1, but the model's classes are 0..9*")]
    public void Class_labels_must_fit_the_model_and_the_count(long[] labels, string message)
    {
        using ScriptedModel model = new((noisy, _, _) => zeros_like(noisy)) { SampleShape = SamplerCase.Shape, ClassCount = 10 };
        Denoiser denoiser = new(model, NoiseSchedule.Cosine());
        new SampleRequest { Count = 3, ClassLabels = labels }.Problems(denoiser).Should().ContainSingle().Which.Should().Match(message);
    }

    [Fact]
    public void Class_labels_are_refused_where_the_model_has_no_classes()
    {
        using ScriptedModel model = new((noisy, _, _) => zeros_like(noisy)) { SampleShape = SamplerCase.Shape };
        Denoiser denoiser = new(model, NoiseSchedule.Cosine());
        new SampleRequest { Count = 3, ClassLabels = [1] }.Problems(denoiser)
            .Should().ContainSingle().Which.Should().Contain("the model has no classes");
    }

    [Fact]
    public void Classes_come_one_after_the_other_and_there_are_none_without_classes()
    {
        SampleRequest.ClassesInTurn(5, 3).Should().Equal(0, 1, 2, 0, 1);
        SampleRequest.ClassesInTurn(5, null).Should().BeNull();
        FluentActions.Invoking(() => SampleRequest.ClassesInTurn(0, 3)).Should().Throw<ArgumentOutOfRangeException>();
        FluentActions.Invoking(() => SampleRequest.ClassesInTurn(5, 0)).Should().Throw<ArgumentOutOfRangeException>();
    }
}
