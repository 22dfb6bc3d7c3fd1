using Diffusion.TestKit;
using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Sampling.Tests;

public sealed class NoiseInterpolationTests
{
    [Theory]
    [InlineData("vp")]
    [InlineData("edm")]
    [InlineData("flow")]
    public void The_ends_are_the_images_of_the_two_seeds(string schedule)
    {
        using ScriptedModel model = new((noisy, _, _) => noisy * 0.3) { SampleShape = SamplerCase.Shape };
        Denoiser denoiser = schedule switch
        {
            "edm" => new Denoiser(model, new EdmSchedule(), Parameterization.Edm()),
            "flow" => new Denoiser(model, new FlowSchedule(), Parameterization.Flow),
            _ => new Denoiser(model, NoiseSchedule.Cosine(), Parameterization.Velocity),
        };
        DpmSolver sampler = new() { Steps = 6 };
        using DisposeScope scope = NewDisposeScope();
        Tensor noise = NoiseInterpolation.BetweenSeeds(3, 4, SamplerCase.Shape, 5);

        Tensor images = sampler.Make(denoiser, new SampleRequest { Count = 5, StartNoise = noise, BatchSize = 3 });

        images[0].MaxDifference(sampler.Make(denoiser, 1, seed: 3)[0]).Should().BeLessThan(1e-5);
        images[4].MaxDifference(sampler.Make(denoiser, 1, seed: 4)[0]).Should().BeLessThan(1e-5);
        for (int i = 1; i < 5; i++)
        {
            images[i].MaxDifference(images[i - 1]).Should().BeGreaterThan(0.01);
        }
    }

    [Fact]
    public void Points_lie_at_equal_angles_on_the_arc()
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor first = tensor(new double[] { 1, 0, 0 }).view(1, 1, 1, 3);
        Tensor second = tensor(new double[] { 0, 1, 0 }).view(1, 1, 1, 3);
        double half = Math.Sqrt(0.5);

        NoiseInterpolation.Between(first, second, 3).data<double>().Should().BeEquivalentTo(
            new double[] { 1, 0, 0, half, half, 0, 0, 1, 0 },
            options => options.Using<double>(c => c.Subject.Should().BeApproximately(c.Expectation, 1e-12)).WhenTypeIs<double>());
        NoiseInterpolation.Between(first, first, 3).MaxDifference(first.expand(3, 1, 1, 3)).Should().BeLessThan(1e-12);
    }

    [Fact]
    public void Noises_that_do_not_fit_are_refused()
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor noise = zeros(1, 3, 4, 4);
        FluentActions.Invoking(() => NoiseInterpolation.Between(noise, zeros(1, 3, 5, 4), 3)).Should().Throw<ArgumentException>()
            .WithMessage("The noises have the shapes [1, 3, 4, 4] and [1, 3, 5, 4]*");
        FluentActions.Invoking(() => NoiseInterpolation.Between(noise, noise, 1)).Should().Throw<ArgumentOutOfRangeException>();
        Denoiser denoiser = SamplerCase.Oracle(NoiseSchedule.Cosine());
        using IDiffusionModel model = denoiser.Model;
        FluentActions.Invoking(() => new DdimSampler().Make(denoiser, SamplerCase.Request with { StartNoise = zeros(3, 3, 4, 4) })).Should()
            .Throw<ArgumentException>().WithMessage("StartNoise is Float32 [3, 3, 4, 4], but*[1 or 2, 3, 4, 4]*");
    }
}
