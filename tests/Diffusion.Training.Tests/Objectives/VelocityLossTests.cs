using Diffusion.Data;
using Diffusion.TestKit;
using Microsoft.Extensions.Options;
using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Training.Tests.Objectives;

/// <summary>A network that predicts the clean image, trained with the loss of the velocity.</summary>
public sealed class VelocityLossTests
{
    [Theory]
    [InlineData("cosine", PredictionType.Velocity)]
    [InlineData("flow", PredictionType.Flow)]
    public void Its_gradient_is_that_of_the_velocity_loss_written_out(string name, PredictionType space)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor prediction = Normal(1).requires_grad_();
        using ScriptedModel model = new((_, _, _) => prediction);
        INoiseSchedule schedule = name == "flow" ? new FlowSchedule() : NoiseSchedule.Cosine();
        NoiseLevel[] levels = [.. ((double[])[0.1, 0.4, 0.7, 0.95]).Select(part => name == "flow"
            ? schedule.At(part)
            : schedule.At(Math.Round(part * 999)))];
        Denoiser denoiser = new(model, schedule, Parameterization.Sample);
        (Tensor clean, Tensor noise) = (Normal(2), Normal(3));

        new Objective { Space = Parameterization.Of(space) }
            .Loss(new ObjectiveInput(denoiser, clean, noise, levels, Conditioning.None, State: null)).Loss.backward();

        Tensor written = prediction.detach().clone().requires_grad_();
        Tensor alpha = Column(levels.Select(level => level.Alpha));
        Tensor sigma = Column(levels.Select(level => level.Sigma));
        Tensor noisy = (alpha * clean) + (sigma * noise);
        Tensor noiseOf = (noisy - (alpha * written)) / sigma;
        Tensor difference = name == "flow"
            ? noiseOf - written - (noise - clean)
            : (alpha * noiseOf) - (sigma * written) - ((alpha * noise) - (sigma * clean));
        difference.square().mean().backward();
        Tensor expected = written.grad!;
        prediction.grad!.MaxDifference(expected).Should().BeLessThan(1e-6 * expected.abs().max().item<double>());
    }

    [Theory]
    [InlineData(20)]
    [InlineData(2)]
    public void The_factor_of_the_difference_is_limited_up_to_the_clean_end(double max)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor prediction = Normal(1).requires_grad_();
        using ScriptedModel model = new((_, _, _) => prediction);
        NoiseLevel[] levels = [.. ((double[])[0, 0.01, 0.3, 1]).Select(new FlowSchedule().At)];
        Denoiser denoiser = new(model, new FlowSchedule(), Parameterization.Sample);
        (Tensor clean, Tensor noise) = (Normal(2), Normal(3));

        new Objective { Space = Parameterization.Flow, MaxSpaceFactor = max }
            .Loss(new ObjectiveInput(denoiser, clean, noise, levels, Conditioning.None, State: null)).Loss.backward();

        // Li and He 2025: the velocity is (x - clean) / max(sigma, 1 / max).
        Tensor written = prediction.detach().clone().requires_grad_();
        Tensor sigma = Column(levels.Select(level => Math.Max(level.Sigma, 1 / max)));
        ((written - clean) / sigma).square().mean().backward();
        Tensor expected = written.grad!;
        prediction.grad!.MaxDifference(expected).Should().BeLessThan(1e-6 * expected.abs().max().item<double>());
    }

    [Fact]
    public void Without_a_limit_it_is_refused_with_rectified_flow_and_the_remedy_works()
    {
        Problems(null).Should().ContainSingle().Which.Should().Contain("would be infinite").And.Contain("Set MaxSpaceFactor to 20");
        Problems(20).Should().BeEmpty();
        Problems(-1).Should().Contain(problem => problem.Contains("MaxSpaceFactor (-1) must be above 0"));

        static IEnumerable<string> Problems(double? max)
        {
            using TinyModel model = new();
            using StripedImages images = new();
            try
            {
                Trainer.For(model).UseDevice(ComputeDevice.Cpu(threads: 1)).UseData(images).Configure(o =>
                {
                    o.Schedule = NoiseScheduleKind.RectifiedFlow;
                    o.Objective = new() { Prediction = PredictionType.Sample, LossSpace = PredictionType.Flow, MaxSpaceFactor = max };
                }).Build().Dispose();
                return [];
            }
            catch (OptionsValidationException problem)
            {
                return problem.Failures;
            }
        }
    }

    [Fact]
    public void It_learns_handwritten_digits()
    {
        string? data = Environment.GetEnvironmentVariable("DIFFUSION_DATA") is { Length: > 0 } given ? Path.Combine(given, "mnist") : null;
        Assert.SkipWhen(data is null || !IdxImages.ExistIn(data), "DIFFUSION_DATA is not set to a folder that contains mnist.");
        using IImageSource digits = IdxImages.OpenFolder(data!); // 28 x 28 pixels
        using UNet2D unet = new(new UNet2DOptions
        {
            SampleSize = 28,
            InChannels = 1,
            OutChannels = 1,
            BlockOutChannels = [8, 16],
            DownBlockTypes = [DownBlockType.DownBlock2D, DownBlockType.DownBlock2D],
            UpBlockTypes = [UpBlockType.UpBlock2D, UpBlockType.UpBlock2D],
            LayersPerBlock = 1,
            NormNumGroups = 4,
        });
        List<double> losses = [];
        using Trainer trainer = Trainer.For(unet).UseDevice(ComputeDevice.Cpu(threads: 1)).UseData(digits)
            .UsePrediction(PredictionType.Sample)
            .UseLearningRate(LearningRate.Constant(1e-3).WithWarmup(0))
            .ReportTo(progress => losses.Add(progress.Loss))
            .Configure(o =>
            {
                o.Objective = o.Objective with { LossSpace = PredictionType.Velocity };
                o.BatchSize = 8;
                o.Steps = 160;
                o.ReportEverySteps = 20;
            })
            .Build();

        trainer.Run(TestContext.Current.CancellationToken);

        losses[^1].Should().BeLessThan(0.25 * losses[0]);
        trainer.Warnings.Should().NotContain(warning => warning.Option == "Objective");
    }

    private static Tensor Normal(int seed)
    {
        using Generator generator = new((ulong)seed);
        return randn([4, 1, 6, 6], ScalarType.Float64, generator: generator);
    }

    private static Tensor Column(IEnumerable<double> values) => tensor(values.ToArray(), ScalarType.Float64).view(-1, 1, 1, 1);
}
