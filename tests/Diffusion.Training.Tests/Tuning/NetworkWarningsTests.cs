using Diffusion.TestKit;
using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Training.Tests.Tuning;

/// <summary>Networks whose first answers are far from what they are to answer.</summary>
public sealed class NetworkWarningsTests
{
    private static readonly ImageShape Shape = new(1, 8, 8);

    [Fact]
    public void An_ordinary_network_is_not_unusual_and_stays_as_it_is()
    {
        using TinyModel model = new(classCount: 3, dropoutProbability: 0.1);
        Denoiser denoiser = new(model, NoiseSchedule.Cosine());
        model.train();
        using Tensor generator = random.get_rng_state();
        LiveTensors.GrowthOver(2, () => NetworkWarnings.Of(denoiser, Shape, microBatchSize: 2).Should().BeEmpty()).Should().Be(0);
        model.training.Should().BeTrue();
        using Tensor after = random.get_rng_state();
        after.bytes.ToArray().Should().Equal(generator.bytes.ToArray());
    }

    [Theory]
    [InlineData(9.9f, null)]
    [InlineData(10.1f, "standard deviation of 10.1 before the first step")]
    [InlineData(float.NaN, "infinite or NaN before the first step")]
    [InlineData(float.PositiveInfinity, "infinite or NaN before the first step")]
    public void Answers_that_are_far_too_large_are_named(float answer, string? text)
    {
        using ScriptedModel model = new((noisy, _, _) => full_like(noisy, answer));
        IEnumerable<string> expected = text is null ? [] : [text];
        Warnings(model).Select(warning => warning.ToString())
            .Zip(expected, (said, part) => said.Contains("Network: ") && said.Contains(part)).Should().Equal(expected.Select(_ => true));
        Warnings(model).Should().HaveCount(expected.Count());
    }

    [Fact]
    public void A_trainer_says_so_before_the_first_step_but_not_when_it_goes_on()
    {
        using TemporaryFolder folder = new();
        using TinyModel model = new();
        using StripedImages images = new();
        using (no_grad())
        {
            model.get_parameter("conv_out.weight")!.mul_(1e4);
        }

        TrainerBuilder Builder() =>
            Trainer.For(model).UseDevice(ComputeDevice.Cpu(1)).UseData(images).UseCheckpoints(folder.Path)
                .Configure(o => (o.BatchSize, o.Steps) = (4, 2));
        using (Trainer first = Builder().Build())
        {
            first.Warnings.Should().Contain(warning => warning.Option == "Network");
            first.Run(TestContext.Current.CancellationToken);
        }

        using Trainer again = Builder().Build();
        again.Warnings.Should().NotContain(warning => warning.Option == "Network");
    }

    private static IReadOnlyList<TrainingWarning> Warnings(IDiffusionModel model) =>
        NetworkWarnings.Of(new Denoiser(model, NoiseSchedule.Cosine()), Shape, microBatchSize: 2);
}
