using Diffusion.TestKit;
using Microsoft.Extensions.Options;
using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Training.Tests.Objectives;

/// <summary>The first estimates that a network is told in training.</summary>
public sealed class SelfConditioningTests
{
    [Theory]
    [InlineData(0.0)]
    [InlineData(0.5)]
    [InlineData(1.0)]
    public void A_fraction_of_the_images_is_told_the_first_estimate_by_position(double fraction)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor told = Told(fraction, 0, 400);
        bool[] chosen = [.. told.flatten(1).abs().amax([1]).data<float>().Select(size => size > 0)];
        chosen.Count(isChosen => isChosen).Should().BeCloseTo((int)(400 * fraction), fraction is 0 or 1 ? 0u : 50u);

        // Other micro-batches, the same draws and the same estimates.
        Told(fraction, 100, 50).allclose(told.narrow(0, 100, 50), 1e-5, 1e-6).Should().BeTrue();
    }

    [Theory]
    [InlineData(PredictionType.Sample)]
    [InlineData(PredictionType.Velocity)]
    public void The_estimate_is_that_of_the_clean_image_clipped_and_without_gradients(PredictionType prediction)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor? told = null;
        Tensor noisy = empty(0);
        IReadOnlyList<NoiseLevel> levels = [];
        using ScriptedModel network = new((input, _, _) =>
        {
            (noisy, told) = (Kept(input.narrow(1, 0, 1)), Kept(input.narrow(1, 1, 1)));
            return (input.narrow(1, 0, 1) * 0.5f).requires_grad_();
        });
        using SelfConditionedModel model = new(network);
        Denoiser denoiser = new(model, NoiseSchedule.Cosine(), Parameterization.Of(prediction));
        TrainingPass pass = new(denoiser, new Objective { SelfConditioning = 1 }, new SeedStream(3));
        long[] positions = [0, 1, 2];
        levels = pass.DrawLevels(positions);

        pass.Loss(full([3, 1, 2, 2], 0.8f), Conditioning.None, positions);

        for (int i = 0; i < levels.Count; i++)
        {
            NoiseLevel level = levels[i];
            Tensor x = noisy[i];
            Tensor clean = prediction == PredictionType.Sample
                ? x * 0.5f
                : (x * (float)level.Alpha) - (x * 0.5f * (float)level.Sigma);
            told![i].allclose(clean.clamp(-1, 1), 1e-4, 1e-5).Should().BeTrue();
        }

        told!.requires_grad.Should().BeFalse();
    }

    [Fact]
    public void Model_and_objective_must_agree()
    {
        using TinyModel plain = new();
        Problems(plain, 0.5).Should().ContainSingle().Which.Should().Contain("put it into a SelfConditionedModel, or use 0.");
        using StripedImages images = new();
        using SelfConditionedModel conditioned = new(new UNet2D(Network(images.Shape.Channels)));
        Problems(conditioned, 0).Should().ContainSingle().Which.Should().EndWith("which it would never have seen. Use 0.5.");
        Problems(conditioned, 0.5).Should().BeEmpty();
        Problems(conditioned, 1.5).Should().Contain("Objective.SelfConditioning (1.5) must be in 0..1. Use 0.5, or 0 for none.");
        new Objective { SelfConditioning = 0.5 }.Description.Should().EndWith("self-conditioning(fraction: 0.5)");
    }

    [Fact]
    public void A_run_trains_and_is_opened_again()
    {
        using TemporaryFolder folder = new();
        using StripedImages images = new();
        using SelfConditionedModel model = new(new UNet2D(Network(images.Shape.Channels)));
        using (Trainer trainer = Trainer.For(model).UseDevice(ComputeDevice.Cpu(threads: 1)).UseData(images).UseCheckpoints(folder.Path)
            .Configure(o =>
            {
                o.BatchSize = 4;
                o.Steps = 3;
                o.Objective = new ObjectiveOptions { SelfConditioning = 0.5 };
            }).Build())
        {
            trainer.Run(TestContext.Current.CancellationToken).Loss.Should().BeGreaterThan(0);
        }

        using TrainedModel opened = TrainedModel.Open(folder.Path);
        opened.Denoiser.Model.Should().BeOfType<SelfConditionedModel>().Which.Description.Should().Be(model.Description);
    }

    private static UNet2DOptions Network(int channels) => new()
    {
        SampleSize = 8,
        InChannels = 2 * channels,
        OutChannels = channels,
        BlockOutChannels = [8],
        DownBlockTypes = [DownBlockType.DownBlock2D],
        UpBlockTypes = [UpBlockType.UpBlock2D],
        LayersPerBlock = 1,
        NormNumGroups = 4,
    };

    // Out of the scopes of the pass.
    private static Tensor Kept(Tensor tensor) => tensor.clone().DetachFromDisposeScope();

    private static Tensor Told(double fraction, int first, int count)
    {
        Tensor? told = null;
        using ScriptedModel network = new((input, _, _) =>
        {
            told = Kept(input.narrow(1, 1, 1));
            return (input.narrow(1, 0, 1) * 0.5f).requires_grad_();
        });
        using SelfConditionedModel model = new(network);
        Denoiser denoiser = new(model, NoiseSchedule.Cosine(), Parameterization.Sample);
        TrainingPass pass = new(denoiser, new Objective { SelfConditioning = fraction }, new SeedStream(3));
        pass.Loss(zeros([count, 1, 2, 2]), Conditioning.None, [.. Enumerable.Range(first, count).Select(i => (long)i)]);
        return told!;
    }

    private static IEnumerable<string> Problems(IDiffusionModel model, double fraction)
    {
        using StripedImages images = new();
        try
        {
            Trainer.For(model).UseDevice(ComputeDevice.Cpu(threads: 1)).UseData(images).Configure(o =>
            {
                o.BatchSize = 4;
                o.Steps = 3;
                o.Objective = new ObjectiveOptions { SelfConditioning = fraction };
            }).Build().Dispose();
            return [];
        }
        catch (OptionsValidationException problem)
        {
            return problem.Failures;
        }
    }
}
