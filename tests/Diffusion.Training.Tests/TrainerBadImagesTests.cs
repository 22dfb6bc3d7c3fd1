using Diffusion.Data;
using Diffusion.TestKit;

namespace Diffusion.Training.Tests;

public sealed class TrainerBadImagesTests
{
    private static readonly LoadingOptions Skipping = new() { BadImages = BadImagePolicy.Skip, MaxBadFraction = 0.1 };

    [Fact]
    public void A_skipped_image_changes_the_weights_alike_whether_its_micro_batch_has_others_or_none()
    {
        float[] whole = Train(micro: 16, bad: 7);
        float[] single = Train(micro: 1, bad: 7);
        float[] good = Train(micro: 16, bad: -1);

        Difference(single, whole).Should().BeLessThan(2e-6);
        Difference(good, whole).Should().BeGreaterThan(1e-4);
    }

    [Fact]
    public void A_step_of_which_no_image_is_left_changes_nothing_and_counts_its_images()
    {
        const int Bad = 7;
        List<TrainingProgress> reports = [];
        List<float[]> weights = [];
        using TinyModel model = new();
        using StripedImages images = new();
        using Trainer trainer = Builder(model, Damaged(images, Bad))
            .Configure(o => (o.Steps, o.BatchSize, o.ReportEverySteps) = (40, 1, 1))
            .ReportTo(new Observer(reports.Add))
            .AddPreview(1, _ => weights.Add(Weights(model)))
            .Build();

        TrainingResult result = trainer.Run(TestContext.Current.CancellationToken);

        SampleOrder order = new(new SeedStream(7), 40);
        int empty = Enumerable.Range(0, 40).Single(position => order.IndexAt(position) == Bad);
        (result.Step, result.ImagesSeen).Should().Be((40, 40));
        for (int step = 1; step < 40; step++)
        {
            weights[step].SequenceEqual(weights[step - 1]).Should().Be(step == empty);
            double.IsNaN(reports[step].Loss).Should().Be(step == empty);
        }

        reports[^1].SkippedSteps.Should().Be(0);
        reports[^1].BadImages.Should().Be(1);
    }

    private static float[] Train(int micro, long bad)
    {
        using TinyModel model = new();
        using StripedImages images = new();
        using Trainer trainer = Builder(model, Damaged(images, bad))
            .UseLearningRate(LearningRate.Constant(1e-3).WithWarmup(0))
            .Configure(o => (o.Steps, o.BatchSize, o.MicroBatchSize) = (10, 16, micro))
            .Build();
        trainer.Run(TestContext.Current.CancellationToken);
        return Weights(model);
    }

    private static TrainerBuilder Builder(TinyModel model, IImageSource images) => Trainer.For(model)
        .UseDevice(ComputeDevice.Cpu(threads: 1))
        .UseData(images)
        .Configure(o => (o.Seed, o.Loading) = (7, Skipping));

    private static WatchedImages Damaged(StripedImages images, long bad) => new(images, index =>
    {
        if (index == bad)
        {
            throw new ImageDataException($"photo {index}", "the image is truncated.");
        }
    });

    private static float[] Weights(TinyModel model) => [.. model.parameters().SelectMany(p => p.data<float>().ToArray())];

    private static double Difference(float[] a, float[] b) => a.Zip(b, (x, y) => Math.Abs(x - y)).Max() / b.Max(Math.Abs);

    private sealed class Observer(Action<TrainingProgress> action) : IProgress<TrainingProgress>
    {
        public void Report(TrainingProgress value) => action(value);
    }
}
