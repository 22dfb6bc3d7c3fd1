using System.Globalization;
using System.Text;
using Microsoft.Extensions.Configuration;

namespace Diffusion.Training.Tests;

public sealed class TrainingOptionsTests
{
    [Fact]
    public void Options_bind_from_configuration()
    {
        const string json = """
            { "Training": { "Steps": 1234, "BatchSize": 128, "MicroBatchSize": 32, "TimeLimit": "01:30:00", "Ema": "half-life",
              "LearningRate": { "Peak": 1e-3, "Shape": "Cosine", "WarmupSteps": 50 }, "Schedule": "Linear", "Timesteps": 500,
              "Objective": { "Prediction": "Velocity", "LossSpace": "Sample" }, "Seed": 7, "RunFolder": "runs/x" } }
            """;
        using MemoryStream stream = new(Encoding.UTF8.GetBytes(json));
        TrainingOptions options = new ConfigurationBuilder().AddJsonStream(stream).Build().GetSection("Training").Get<TrainingOptions>()!;

        options.Should().BeEquivalentTo(new TrainingOptions
        {
            Steps = 1234,
            BatchSize = 128,
            MicroBatchSize = 32,
            TimeLimit = TimeSpan.FromMinutes(90),
            Ema = "half-life",
            LearningRate = LearningRate.Cosine(1e-3).WithWarmup(50),
            Schedule = NoiseScheduleKind.Linear,
            Timesteps = 500,
            Objective = new ObjectiveOptions { Prediction = PredictionType.Velocity, LossSpace = PredictionType.Sample },
            Seed = 7,
            RunFolder = "runs/x",
        });
    }

    [Fact]
    public void Decays_are_written_alike_in_every_culture()
    {
        CultureInfo before = CultureInfo.CurrentCulture;
        try
        {
            CultureInfo.CurrentCulture = CultureInfo.GetCultureInfo("de-DE");
            TrainingOptionsValidator.Problems(new TrainingOptions { Ema = "none", AdditionalEma = ["constant(decay: 0.5)"] })
                .Should().ContainSingle().Which.Should().StartWith("AdditionalEma (constant(decay: 0.5)) must be empty");
        }
        finally
        {
            CultureInfo.CurrentCulture = before;
        }
    }

    [Fact]
    public void The_defaults_are_valid() => TrainingOptionsValidator.Problems(new TrainingOptions()).Should().BeEmpty();

    public static TheoryData<Action<TrainingOptions>, string> Impossible => new()
    {
        { o => o.Steps = -1, "Steps (-1)" },
        { o => o.TimeLimit = TimeSpan.Zero, "TimeLimit (00:00:00)" },
        { o => o.BatchSize = 0, "BatchSize (0)" },
        { o => o.MicroBatchSize = 0, "MicroBatchSize (0)" },
        { o => o.MicroBatchSize = 128, "Use 128." },
        { o => o.LearningRate = LearningRate.Constant(double.NaN), "LearningRate.Peak (NaN)" },
        { o => o.LearningRate = LearningRate.Constant(2), "LearningRate.Peak (2)" },
        { o => o.LearningRate = LearningRate.Constant().WithWarmup(-1), "WarmupSteps (-1)" },
        { o => o.LearningRate = LearningRate.Constant().WithWarmup(200_000), "below Steps (200000)" },
        { o => o.GradientClip = 0, "GradientClip (0)" },
        { o => o.Ema = "warmup(max-decay: 1)", "Ema (warmup(max-decay: 1))" },
        { o => o.Ema = "ema", "Ema (ema) must name a decay law" },
        { o => o.AdditionalEma = ["power-function(sigma-rel: 0.3)"], "AdditionalEma (power-function(sigma-rel: 0.3))" },
        { o => o.AdditionalEma = ["power-function"], "must contain laws that differ" },
        { o => o.AdditionalEma = ["none"], "must contain laws that differ" },
        { o => o.EmaEverySteps = 0, "EmaEverySteps (0)" },
        { o => (o.RunFolder, o.EmaSnapshotEverySteps) = ("run", 0), "EmaSnapshotEverySteps (0)" },
        { o => o.EmaSnapshotEverySteps = 10, "must be null without RunFolder" },
        { o => (o.RunFolder, o.EmaSnapshotEverySteps, o.Ema) = ("run", 10, "warmup"),
            "must be null without an average with a power function" },
        { o => o.Timesteps = 100, "Timesteps (100)" },
        { o => o.Schedule = (NoiseScheduleKind)99, "Schedule (99)" },
        { o => o.Objective = new ObjectiveOptions { Prediction = (PredictionType)99 }, "Objective.Prediction (99)" },
        { o => o.HoldOutFraction = 0.9, "HoldOutFraction (0.9)" },
        { o => o.ReportEverySteps = 0, "ReportEverySteps (0)" },
        { o => o.CheckpointEverySteps = 0, "CheckpointEverySteps (0)" },
        { o => o.HoldOutEverySteps = 0, "HoldOutEverySteps (0)" },
        { o => o.KeepCheckpoints = 0, "KeepCheckpoints (0)" },
    };

    [Theory]
    [MemberData(nameof(Impossible), DisableDiscoveryEnumeration = true)]
    public void An_impossible_value_is_named_with_its_remedy(Action<TrainingOptions> edit, string expected)
    {
        TrainingOptions options = new();
        edit(options);
        string problem = TrainingOptionsValidator.Problems(options).Should().ContainSingle().Subject;
        problem.Should().Contain(expected).And.MatchRegex(@"(Use|Leave|Name) .+\.$");
    }
}
