using Diffusion.TestKit;
using TorchSharp;

namespace Diffusion.Training.Tests;

/// <summary>The trainer with the real network.</summary>
public sealed class UNetTrainingTests
{
    [Fact]
    public void Micro_batches_of_8_and_of_1_give_the_gradient_of_a_batch_of_64()
    {
        float[] whole = Train(batch: 64, micro: 64);
        float[] eights = Train(batch: 64, micro: 8);
        float[] ones = Train(batch: 64, micro: 1);

        TensorDifference(eights, whole).Should().BeLessThan(1e-5);
        TensorDifference(ones, whole).Should().BeLessThan(1e-5);
        TensorDifference(ones, Train(batch: 32, micro: 1)).Should().BeGreaterThan(1e-4);
    }

    [Fact]
    public void The_averaged_network_is_a_twin_over_the_average_and_answers_like_it()
    {
        using UNet2D unet = Network();
        using StripedImages images = new(size: 8);
        using Trainer trainer = Builder(unet, images, batch: 8, micro: 8).UseEma(0.5).Configure(o => o.Steps = 5).Build();
        TrainingResult result = trainer.Run(TestContext.Current.CancellationToken);

        UNet2D averaged = (UNet2D)result.EmaDenoiser.Model;
        ReferenceEquals(averaged, unet).Should().BeFalse();
        averaged.training.Should().BeFalse();
        float[] own = Values(unet);
        float[] average = Values(averaged);
        TensorDifference(average, own).Should().BeGreaterThan(1e-6).And.BeLessThan(0.5);

        using UNet2D copy = Network();
        copy.LoadWeights(averaged.NamedTensors().ToDictionary());
        using torch.Tensor x = torch.randn(2, 1, 8, 8);
        using torch.Tensor t = torch.tensor(new long[] { 3, 900 });
        using torch.Tensor expected = copy.Predict(x, t, Conditioning.None);
        using torch.Tensor actual = averaged.Predict(x, t, Conditioning.None);
        actual.data<float>().ToArray().Should().Equal(expected.data<float>().ToArray());
    }

    [Fact]
    public void An_unconditional_network_trains_and_measures_held_out_images_on_data_that_has_labels()
    {
        List<double?> losses = [];
        using UNet2D unet = Network();
        using StripedImages images = new(size: 8, classCount: 4);
        using Trainer trainer = Builder(unet, images, batch: 4, micro: 4)
            .ReportTo(new Observer(progress => losses.Add(progress.HeldOutLoss)))
            .Configure(o => { o.Steps = 3; o.HoldOutFraction = 0.25; })
            .Build();

        trainer.Run(TestContext.Current.CancellationToken);

        losses.Should().ContainSingle().Which.Should().BePositive("the last step measures too");
        unet.training.Should().BeTrue();
    }

    private static float[] Train(int batch, int micro)
    {
        using UNet2D unet = Network();
        using StripedImages images = new(size: 8);
        using Trainer trainer = Builder(unet, images, batch, micro)
            .UseOptimizer(new PlainDescent())
            .Configure(o => { o.Steps = 2; o.GradientClip = null; o.Ema = "none"; })
            .Build();
        trainer.Run(TestContext.Current.CancellationToken);
        return Values(unet);
    }

    private static TrainerBuilder Builder(UNet2D unet, StripedImages images, int batch, int micro) =>
        Trainer.For(unet).UseDevice(ComputeDevice.Cpu(threads: 1)).UseData(images).Configure(o =>
        {
            o.BatchSize = batch;
            o.MicroBatchSize = micro;
            o.LearningRate = LearningRate.Constant(0.1).WithWarmup(0);
        });

    private static UNet2D Network() => new(
        new UNet2DOptions
        {
            SampleSize = 8,
            InChannels = 1,
            OutChannels = 1,
            BlockOutChannels = [8, 16],
            DownBlockTypes = [DownBlockType.DownBlock2D, DownBlockType.AttnDownBlock2D],
            UpBlockTypes = [UpBlockType.AttnUpBlock2D, UpBlockType.UpBlock2D],
            LayersPerBlock = 1,
            NormNumGroups = 4,
        },
        seed: 5);

    private static float[] Values(UNet2D unet) =>
        [.. unet.NamedTensors().SelectMany(pair => pair.Value.contiguous().data<float>().ToArray())];

    private static double TensorDifference(float[] a, float[] b) => a.Zip(b, (x, y) => Math.Abs(x - y)).Max() / b.Max(Math.Abs);

    private sealed class Observer(Action<TrainingProgress> action) : IProgress<TrainingProgress>
    {
        public void Report(TrainingProgress value) => action(value);
    }

    /// <summary>Gradient descent: unlike Adam, its steps are in proportion to the gradient, so that a wrong scale shows.</summary>
    private sealed class PlainDescent : IOptimizerFactory
    {
        public string Description => "descent";

        public IReadOnlyList<string> Problems => [];

        public IOptimizer Create(FlatParameters parameters) => new Optimizer(parameters);

        private sealed class Optimizer(FlatParameters parameters) : IOptimizer
        {
            public IReadOnlyDictionary<string, torch.Tensor> State { get; } = new Dictionary<string, torch.Tensor>();

            public void Update(double learningRate, torch.Tensor gradientDivisor, torch.Tensor skip) =>
                parameters.Values.sub_(parameters.Gradients * learningRate);

            public void Dispose()
            {
            }
        }
    }
}
