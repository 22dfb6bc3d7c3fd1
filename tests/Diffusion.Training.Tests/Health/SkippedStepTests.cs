using System.Text.Json;
using Diffusion.TestKit;
using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Training.Tests.Health;

/// <summary>Every second step goes wrong; its numbers must reach nothing.</summary>
public sealed class SkippedStepTests
{
    private const int Steps = 40;

    [Theory]
    [InlineData("answer not a number")]
    [InlineData("answer infinite")]
    [InlineData("gradient not a number")]
    [InlineData("gradient too large")]
    public void A_step_whose_numbers_are_not_finite_leaves_weights_moments_and_averages_bit_for_bit_as_they_were(string fault)
    {
        using TemporaryFolder folder = new();
        List<long> skipped = [];
        using FaultyModel model = new(fault);
        using StripedImages images = new();
        using Trainer trainer = Trainer.For(model)
            .UseDevice(ComputeDevice.Cpu(1))
            .UseData(images)
            .UseCheckpoints(folder.Path, everySteps: 1)
            .ReportTo(new Observer(progress =>
            {
                skipped.Add(progress.SkippedSteps);
                model.IsFaulty = progress.Step % 2 == 1; // the next step
            }))
            .Configure(o =>
            {
                (o.Steps, o.BatchSize, o.MicroBatchSize, o.Ema, o.AdditionalEma) = (Steps, 4, 2, "warmup",
                    ["power-function"]);
                (o.ReportEverySteps, o.KeepCheckpoints) = (1, Steps + 1);
                o.Health = o.Health with { MaxGradientNorm = 1e4 };
            })
            .Build();
        trainer.Run(TestContext.Current.CancellationToken);

        skipped.Should().Equal(Enumerable.Range(1, Steps).Select(step => (long)(step / 2)));
        for (int step = 2; step <= Steps; step += 2)
        {
            Files(folder, step).Should().Equal(Files(folder, step - 1), "step {0} was skipped", step);
            Files(folder, step - 1).Should().NotEqual(step == 2 ? [] : Files(folder, step - 2), "step {0} was not", step - 1);
        }
    }

    // Name and digest of every file but the manifest, which holds the step.
    private static string[] Files(TemporaryFolder folder, int step)
    {
        string manifest = Path.Combine(folder.Path, "checkpoints", $"step-{step:D9}", "manifest.json");
        using JsonDocument json = JsonDocument.Parse(File.ReadAllText(manifest));
        return [.. json.RootElement.GetProperty("files").EnumerateArray().Select(file => file.GetRawText())];
    }

    /// <summary>Answers wrongly when it is told to.</summary>
    private sealed class FaultyModel(string fault) : IDiffusionModel
    {
        private readonly TinyModel inner = new();

        public bool IsFaulty { get; set; }

        public nn.Module Network => inner;

        public ImageShape? SampleShape => inner.SampleShape;

        public int? ClassCount => null;

        public bool HasDropout => false;

        public string Description => inner.Description;

        public Tensor Predict(Tensor noisy, Tensor labels, Conditioning conditioning)
        {
            using DisposeScope scope = NewDisposeScope();
            Tensor answer = inner.Predict(noisy, labels, conditioning);
            if (IsFaulty)
            {
                answer = fault switch
                {
                    "answer not a number" => answer * float.NaN,
                    "answer infinite" => answer * float.PositiveInfinity,
                    "gradient too large" => answer * 1e6,
                    _ => answer + ((answer.sum() * 0).sqrt() * 0), // the slope of a root is infinite at 0
                };
            }

            return answer.MoveToOuterDisposeScope();
        }

        public IDiffusionModel CreateTwin() => inner.CreateTwin();

        public IReadOnlyList<string> Problems(ImageShape shape, INoiseSchedule schedule) => inner.Problems(shape, schedule);

        public void Dispose() => inner.Dispose();
    }

    private sealed class Observer(Action<TrainingProgress> action) : IProgress<TrainingProgress>
    {
        public void Report(TrainingProgress value) => action(value);
    }
}
