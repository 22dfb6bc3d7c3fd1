using Diffusion.TestKit;

namespace Diffusion.Training.Tests;

/// <summary>Every schedule with every parameterization trains, is written into the checkpoint, and resumes.</summary>
public sealed class TrainerSchedulesTests
{
    public static TheoryData<NoiseScheduleKind, PredictionType> All { get; } = new MatrixTheoryData<NoiseScheduleKind, PredictionType>(
        [NoiseScheduleKind.Cosine, NoiseScheduleKind.Edm, NoiseScheduleKind.RectifiedFlow],
        [PredictionType.Epsilon, PredictionType.Sample, PredictionType.Velocity, PredictionType.Flow]);

    [Theory]
    [MemberData(nameof(All))]
    public void A_run_trains_and_resumes_with_the_weights_of_one_that_was_not_stopped(NoiseScheduleKind schedule, PredictionType prediction)
    {
        using TemporaryFolder folder = new();
        byte[] whole = Train(folder.File("whole"), schedule, prediction, steps: 8, stopAt: null);
        Train(folder.File("parts"), schedule, prediction, steps: 8, stopAt: 5);
        byte[] parts = Train(folder.File("parts"), schedule, prediction, steps: 8, stopAt: null);

        parts.Should().Equal(whole);
        using CheckpointStore store = new(folder.File("parts", "checkpoints"));
        CheckpointManifest manifest = store.ReadLatestManifest()!;
        manifest.Options.Schedule.Should().Be(schedule);
        manifest.Options.CreateSchedule().Description.Should().Be(manifest.Schedule);
        manifest.Prediction.Should().Be(prediction);
    }

    [Fact]
    public void Another_space_of_the_loss_is_refused_when_a_run_resumes()
    {
        using TemporaryFolder folder = new();
        Train(folder.Path, NoiseScheduleKind.Cosine, PredictionType.Sample, steps: 4, stopAt: null);
        FluentActions.Invoking(() => Train(folder.Path, NoiseScheduleKind.Cosine, PredictionType.Sample, steps: 8, stopAt: null,
            lossSpace: PredictionType.Velocity))
            .Should().Throw<CheckpointException>().WithMessage("*LossSpace*Velocity*");
    }

    [Theory]
    [InlineData(PredictionType.Edm, null, "Prediction (Edm) is not defined*Use Flow or Velocity*")]
    [InlineData(PredictionType.Sample, PredictionType.Velocity,
        "LossSpace (Velocity) cannot be computed from Prediction (Sample)*rectified-flow*")]
    public void What_a_network_cannot_answer_at_some_time_is_refused_before_the_first_step(PredictionType prediction,
        PredictionType? lossSpace, string expected)
    {
        using TemporaryFolder folder = new();
        FluentActions.Invoking(() => Train(folder.Path, NoiseScheduleKind.RectifiedFlow, prediction, steps: 1, stopAt: null, lossSpace))
            .Should().Throw<Microsoft.Extensions.Options.OptionsValidationException>().WithMessage($"*{expected}*");
    }

    private static byte[] Train(string folder, NoiseScheduleKind schedule, PredictionType prediction, long steps, long? stopAt,
        PredictionType? lossSpace = null)
    {
        using TinyModel model = new();
        using StripedImages images = new();
        using CancellationTokenSource stop = new();
        TrainerBuilder builder = Trainer.For(model).UseDevice(ComputeDevice.Cpu(1)).UseData(images).UseCheckpoints(folder).Configure(o =>
        {
            (o.Steps, o.BatchSize, o.ReportEverySteps) = (steps, 8, 4);
            (o.Schedule, o.Objective) = (schedule, new ObjectiveOptions { Prediction = prediction, LossSpace = lossSpace });
        });
        if (stopAt is { } step)
        {
            builder.AddPreview((int)step, _ => stop.Cancel());
        }

        using Trainer trainer = builder.Build();
        TrainingResult result = trainer.Run(stop.Token);
        return File.ReadAllBytes(Path.Combine(result.Checkpoint!, "weights.safetensors"));
    }
}
