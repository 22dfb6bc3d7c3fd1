using Diffusion.TestKit;
using Microsoft.Extensions.Options;
using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Training.Tests.Objectives;

/// <summary>Objectives and parts of objectives that a user writes.</summary>
public sealed class OwnObjectiveTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void What_an_objective_learns_and_remembers_is_trained_saved_and_resumed_to_the_last_bit()
    {
        string whole = Train("whole", steps: 8, stopAt: null);
        Train("parts", steps: 8, stopAt: 5);
        string parts = Train("parts", steps: 8, stopAt: null);

        foreach (string name in (string[])["weights.safetensors", "ema.safetensors", "optimizer.safetensors"])
        {
            File.ReadAllBytes(Path.Combine(parts, name)).Should().Equal(File.ReadAllBytes(Path.Combine(whole, name)), name);
        }

        using SafeTensors state = SafeTensorsFile.Read(Path.Combine(whole, "optimizer.safetensors"));
        state.Tensors["objective.state.seen"].item<float>().Should().Be(8 * 4);
        state.Tensors["objective.weight"].item<float>().Should().NotBe(0);
        using SafeTensors weights = SafeTensorsFile.Read(Path.Combine(whole, "weights.safetensors"));
        weights.Tensors.Keys.Should().NotContain(name => name.StartsWith("objective"));
    }

    [Fact]
    public void A_run_is_not_resumed_with_another_objective()
    {
        Train("run", steps: 4, stopAt: null);
        FluentActions.Invoking(() => Train("run", steps: 8, stopAt: null, new Objective())).Should().Throw<CheckpointException>()
            .WithMessage("*Objective.Description was \"learned uncertainty\" and is \"mse in answer space*");
    }

    [Fact]
    public void Parts_that_no_option_names_are_used_written_and_wanted_again()
    {
        using TinyModel model = new();
        using StripedImages images = new();
        using (Trainer trainer = Builder(model, images).UseTimeLaw(new OneTime(7)).UseLossWeighting(new Constant(3))
            .UseLossFunction(new Absolute()).Build())
        {
            trainer.Run(TestContext.Current.CancellationToken);
        }

        using (CheckpointStore store = new(folder.File("parts", "checkpoints")))
        {
            store.ReadLatestManifest()!.Options.Objective.Should().Be(
                new ObjectiveOptions { Times = "always 7", Weighting = "always 3", Function = "absolute" });
        }

        TrainingOptions same = new() { Objective = new ObjectiveOptions { Times = "always 7", Function = "mse" } };
        FluentActions.Invoking(() => Builder(model, images).UseOptions(same).Build()).Should().Throw<OptionsValidationException>()
            .WithMessage("*Objective.Times (always 7) must be a time law as name or name(parameter: number)*is given with UseTimeLaw.*");
        FluentActions.Invoking(() => Builder(model, images).UseOptions(same).UseTimeLaw(new OneTime(8)).Build())
            .Should().Throw<OptionsValidationException>().WithMessage("*UseTimeLaw gives always 8, but Objective.Times is always 7*");
        FluentActions.Invoking(() => Builder(model, images).UseObjective(new Uncertainty()).UseLossWeighting(new Constant(1)).Build())
            .Should().Throw<OptionsValidationException>().WithMessage("*UseObjective gives learned uncertainty, which*cannot change*");
    }

    public static TheoryData<Objective, string> WrongNumbers => new()
    {
        { new Objective { LabelDropout = 0.1 }, "*label-dropout*drops labels, which needs a model with one class more*3 classes*" },
        { new Objective { LabelDropout = 2 }, "*Objective.LabelDropout (2) must be at least 0 and below 1*" },
        { new Objective { OffsetNoise = double.NaN }, "*Objective.OffsetNoise (NaN) must be in 0..1*" },
        { new Objective { InputPerturbation = -1 }, "*Objective.InputPerturbation (-1) must be in 0..1*" },
        { new Objective { MaxSpaceFactor = -1 }, "*Objective.MaxSpaceFactor (-1) must be above 0*" },
        { new Objective { Space = Parameterization.Velocity }, "*LossSpace (Velocity) cannot be computed from*" },
    };

    [Theory]
    [MemberData(nameof(WrongNumbers))]
    public void The_numbers_of_a_whole_objective_are_checked_as_those_of_options(Objective objective, string message)
    {
        using TinyModel model = new(classCount: 3);
        using StripedImages images = new(classCount: 3);
        FluentActions.Invoking(() => Builder(model, images).UseSchedule(new FlowSchedule())
                .Configure(o => o.Objective = o.Objective with { Prediction = PredictionType.Sample }).UseObjective(objective).Build())
            .Should().Throw<OptionsValidationException>().WithMessage(message);
    }

    [Fact]
    public void A_model_with_the_class_that_a_whole_objective_needs_has_no_warning()
    {
        using TinyModel model = new(classCount: 4);
        using StripedImages images = new(classCount: 3);
        using Trainer trainer = Builder(model, images).UseObjective(new Objective { LabelDropout = 0.1 }).Build();
        trainer.Warnings.Should().NotContain(warning => warning.Option == "Network");
    }

    [Fact]
    public void Weight_function_and_times_make_the_loss_that_they_say()
    {
        using ScriptedModel model = new((noisy, _, _) => zeros_like(noisy));
        Denoiser denoiser = new(model, NoiseSchedule.Cosine());
        Objective objective = new() { Times = new OneTime(7), Weighting = new Constant(3), Function = new Absolute() };
        TrainingPass pass = new(denoiser, objective, new SeedStream(1));
        using Tensor images = zeros(2, 1, 8, 8);

        pass.DrawLevels([0, 1]).Should().OnlyContain(level => level.Time == 7);
        using Tensor loss = pass.Loss(images, Conditioning.None, [0, 1]);
        using Tensor noise = NormalNoise.Draw(new SeedStream(1), RandomPurpose.Noise, [0, 1], new ImageShape(1, 8, 8));
        loss.item<float>().Should().BeApproximately(3 * noise.abs().mean().item<float>(), 1e-5f);
    }

    private string Train(string name, long steps, long? stopAt, IObjective? objective = null)
    {
        using TinyModel model = new();
        using StripedImages images = new();
        using CancellationTokenSource stop = new();
        TrainerBuilder builder = Builder(model, images, name).UseObjective(objective ?? new Uncertainty())
            .Configure(o => (o.Steps, o.BatchSize, o.MicroBatchSize, o.ReportEverySteps) = (steps, 4, 2, 4));
        if (stopAt is { } step)
        {
            builder.AddPreview((int)step, _ => stop.Cancel());
        }

        using Trainer trainer = builder.Build();
        return trainer.Run(stop.Token).Checkpoint!;
    }

    private TrainerBuilder Builder(TinyModel model, StripedImages images, string name = "parts") =>
        Trainer.For(model).UseDevice(ComputeDevice.Cpu(1)).UseData(images).UseCheckpoints(folder.File(name))
            .Configure(o => (o.Steps, o.BatchSize) = (2, 4));

    /// <summary>Learns how uncertain the loss is at each noise level (Karras et al. 2024, equation 14), and counts images.</summary>
    private sealed class Uncertainty : IObjective
    {
        public string Description => "learned uncertainty";

        public ITimeLaw Times => TimeLaw.Uniform;

        public ObjectiveState CreateState(Device device)
        {
            nn.Module<Tensor, Tensor> line = nn.Linear(1, 1).to(device);
            using (no_grad())
            {
                foreach (Tensor parameter in line.parameters())
                {
                    parameter.zero_();
                }
            }

            return new ObjectiveState(line, new Dictionary<string, Tensor> { ["seen"] = zeros([], device: device) });
        }

        public ObjectiveLoss Loss(ObjectiveInput input)
        {
            using DisposeScope scope = NewDisposeScope();
            Tensor target = input.Denoiser.Target(input.Clean, input.Noise, input.Levels);
            Tensor prediction = input.Denoiser.Predict(
                ForwardProcess.AddNoise(input.Clean, input.Noise, input.Levels), input.Levels, input.Conditioning);
            Tensor told = tensor([.. input.Levels.Select(level => (float)Math.Clamp(level.LogSnr, -20, 20) / 20)]).unsqueeze(1); // [B, 1]
            Tensor logVariance = ((nn.Module<Tensor, Tensor>)input.State!.Module!).call(told).squeeze(1); // [B]
            Tensor errors = (prediction - target).square().flatten(1).mean([1]); // [B]
            using (no_grad())
            {
                input.State.Tensors["seen"].add_(input.Levels.Count);
            }

            return new ObjectiveLoss(
                ((errors / logVariance.exp()) + logVariance).mean().MoveToOuterDisposeScope(), prediction.MoveToOuterDisposeScope(),
                target.MoveToOuterDisposeScope());
        }
    }

    private sealed class OneTime(int time) : ITimeLaw
    {
        public string Description => $"always {time}";

        public double TimeAt(double quantile, INoiseSchedule schedule) => time;
    }

    private sealed class Constant(double weight) : ILossWeighting
    {
        public string Description => $"always {weight}";

        public double At(NoiseLevel level) => weight;
    }

    private sealed class Absolute : ILossFunction
    {
        public string Description => "absolute";

        public Tensor Of(Tensor difference) => difference.abs();
    }
}
