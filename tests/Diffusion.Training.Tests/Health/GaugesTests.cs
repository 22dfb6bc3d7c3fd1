using Diffusion.TestKit;
using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Training.Tests.Health;

/// <summary>What is measured on the device between two reports.</summary>
public sealed class GaugesTests
{
    [Fact]
    public void Losses_are_gathered_by_log_SNR_and_those_of_skipped_steps_are_not()
    {
        using LossGauge gauge = new(CPU);
        using Tensor loss = zeros([]);
        using Tensor prediction = zeros(3, 1, 2, 2);
        using Tensor target = stack([full(1, 2, 2, 1f), full(1, 2, 2, 2f), full(1, 2, 2, 3f)]);
        EdmSchedule schedule = new();
        NoiseLevel[] levels = [.. ((double[])[3, 0.5, -3]).Select(schedule.WithHalfLogSnr)]; // log-SNR 6, 1 and -6

        Take(prediction);
        Take(target);
        gauge.EndStep(tensor(true));
        Take(prediction);
        gauge.EndStep(tensor(false));

        double[] sums = gauge.Sums.data<double>().ToArray();
        sums[..4].Should().Equal(1, 4, 0, 9);
        sums[4..8].Should().Equal(2, 8, 0, 18);
        sums[8..].Should().Equal(2, 2, 0, 2);

        void Take(Tensor predicted)
        {
            gauge.Begin(levels);
            gauge.End(new ObjectiveLoss(loss, predicted, target));
        }
    }

    [Theory]
    [InlineData(4.001, 0)]
    [InlineData(3.999, 1)]
    [InlineData(0.001, 1)]
    [InlineData(-0.001, 2)]
    [InlineData(-3.999, 2)]
    [InlineData(-4.001, 3)]
    public void The_parts_of_the_loss_are_the_same_on_every_schedule(double logSnr, int part)
    {
        LossGauge.PartOf(new EdmSchedule().WithHalfLogSnr(logSnr / 2)).Should().Be(part);
        LossGauge.PartOf(new FlowSchedule().WithHalfLogSnr(logSnr / 2)).Should().Be(part);
        LossGauge.PartOf(NoiseSchedule.Cosine().WithHalfLogSnr(logSnr / 2)).Should().Be(part);
    }

    [Fact]
    public void Twenty_million_images_between_two_reports_are_counted_to_the_last()
    {
        const int Batch = 65_537;
        const int Steps = 320;
        using LossGauge gauge = new(CPU);
        using DisposeScope scope = NewDisposeScope();
        Tensor images = ones(Batch, 1, 1, 1);
        NoiseLevel[] levels = [.. Enumerable.Repeat(NoiseSchedule.Cosine(1000)[0], Batch)];
        for (int i = 0; i < Steps; i++)
        {
            using DisposeScope step = NewDisposeScope();
            gauge.Begin(levels);
            gauge.End(new ObjectiveLoss(images, images, images));
            gauge.EndStep(tensor(true));
        }

        gauge.Sums.data<double>().ToArray()[8].Should().Be(Batch * Steps);
    }

    [Fact]
    public void A_small_deviation_of_losses_is_not_lost_in_rounding()
    {
        const double Deviation = 1.0 / 8192;
        using TinyModel model = new();
        using FlatParameters parameters = new(model);
        using IOptimizer optimizer = Optimizers.AdamW().Create(parameters);
        using ParameterUpdate update = new(parameters, optimizer, [], clip: null);
        using TrainingMeter meter = new(TimeProvider.System, update, clip: null);
        for (int i = 0; i < 1000; i++)
        {
            meter.Begin(TimeSpan.Zero);
            using Tensor loss = tensor((float)(1 + (i % 2 == 0 ? Deviation : -Deviation)));
            meter.End(loss, batchSize: 1, TimeSpan.Zero);
        }

        MeterReading reading = meter.Read();
        reading.Loss.Should().BeApproximately(1, 1e-9);
        reading.LossDeviation.Should().BeApproximately(Deviation, 0.001 * Deviation);
    }

    [Fact]
    public void The_norm_of_a_large_block_is_exact()
    {
        using nn.Module network = nn.Linear((1 << 22) + 3, 1, hasBias: false);
        using FlatParameters parameters = new(network);
        using BlockNorms norms = new(parameters);
        using (no_grad())
        {
            parameters.Gradients.narrow(0, 0, (1 << 22) + 3).fill_(1.0 / 3);
        }

        norms.Measure(parameters.Gradients);

        norms.Read()["weight"].Should().BeApproximately(1.0 / 3, 1e-6 / 3);
    }

    [Fact]
    public void Gradients_are_measured_block_by_block()
    {
        using UNet2D network = new(UNet2DOptions.ForImages(16, 1, UNet2DSize.Medium), seed: 1);
        using FlatParameters parameters = new(network);
        using BlockNorms norms = new(parameters);
        using (no_grad())
        {
            foreach (FlatEntry entry in parameters.Layout.Entries)
            {
                using Tensor part = parameters.Gradients.narrow(0, entry.Offset, entry.Length);
                part.fill_(entry.Name.StartsWith("mid_block", StringComparison.Ordinal)
                    ? 3 : entry.Name.StartsWith("up_blocks.1", StringComparison.Ordinal) ? 0
                    : 0.5);
            }
        }

        norms.Measure(parameters.Gradients);
        IReadOnlyDictionary<string, double> read = norms.Read();

        read.Keys.Should().Contain("conv_in").And.Contain("down_blocks.0").And.Contain("time_embedding").And.Contain("conv_norm_out");
        read["mid_block"].Should().BeApproximately(3, 3e-6);
        read["up_blocks.1"].Should().Be(0);
        read["conv_in"].Should().BeApproximately(0.5, 5e-7);
    }

    // Gradients of images that are a common part plus noise of their own: the noise scale is known.
    [Fact]
    public void The_noise_scale_is_that_of_the_gradients()
    {
        const int Length = 4096;
        const double Noise = 3;
        using nn.Module network = nn.Linear(Length, 1, hasBias: false);
        using FlatParameters parameters = new(network);
        using NoiseScaleGauge gauge = new(parameters);
        using Tensor common = ones(Length);
        gauge.Read().Should().BeNull();

        for (int round = 0; round < 5; round++)
        {
            using Generator generator = new((ulong)round, CPU);
            gauge.Measure(16, (from, to, share) =>
            {
                using IDisposable noGradients = no_grad();
                using DisposeScope scope = NewDisposeScope();
                Tensor noise = randn(to - from, Length, generator: generator).mul(Noise).mean([0]);
                parameters.Gradients.add_((common + noise).mul(share));
            });
        }

        // tr(S) / |G|^2 = Length * Noise^2 / Length
        gauge.Read().Should().BeApproximately(Noise * Noise, 0.5);
        parameters.Gradients.abs().max().item<float>().Should().Be(0);
    }

    // Half of the batch has the gradient c + d, the other half c - d: |G|^2 and tr(S) follow, and differ by a factor of 600.
    [Fact]
    public void A_noise_scale_far_below_one_image_is_not_lost_in_rounding()
    {
        const int Length = 1 << 22;
        const double Common = 1.0 / 3;
        const double Own = Common / 100;
        using nn.Module network = nn.Linear(Length, 1, hasBias: false);
        using FlatParameters parameters = new(network);
        using NoiseScaleGauge gauge = new(parameters);
        using DisposeScope scope = NewDisposeScope();
        Tensor signs = ones(Length);
        signs.narrow(0, 0, Length / 2).fill_(-1);

        gauge.Measure(16, (from, to, share) =>
        {
            using IDisposable noGradients = no_grad();
            using DisposeScope inner = NewDisposeScope();
            parameters.Gradients.add_(((signs * (from == 0 ? Own : -Own)) + Common) * share);
        });

        // tr(S) = 16 n d^2 and |G|^2 = n (c^2 - d^2)
        double expected = 16 * Own * Own / ((Common * Common) - (Own * Own));
        gauge.Read().Should().BeApproximately(expected, 0.01 * expected);
    }

    [Fact]
    public void Measuring_changes_neither_weights_nor_losses_of_the_run()
    {
        Train(noiseScaleEvery: 3, out double measured).Should().Equal(Train(noiseScaleEvery: null, out double plain));
        measured.Should().Be(plain);
    }

    [Fact]
    public void Reports_hold_what_was_measured()
    {
        List<TrainingProgress> reports = [];
        using TinyModel model = new(dropoutProbability: 0.1);
        using StripedImages images = new();
        using Trainer trainer = Trainer.For(model).UseDevice(ComputeDevice.Cpu(1)).UseData(images).ReportTo(new Listener(reports))
            .Configure(o => (o.Steps, o.BatchSize, o.MicroBatchSize, o.ReportEverySteps, o.Health) = (12, 8, 4, 6,
                new HealthOptions { NoiseScaleEverySteps = 4 }))
            .Build();

        trainer.Run(TestContext.Current.CancellationToken);

        reports.Should().HaveCount(2);
        TrainingProgress last = reports[^1];
        last.StepsReported.Should().Be(6);
        last.LossByLogSnr.Should().HaveCount(4);
        last.LossDeviation.Should().BePositive();
        last.MaxGradientNorm.Should().BeGreaterThanOrEqualTo(last.MeanGradientNorm);
        last.GradientsByBlock.Keys.Should().BeEquivalentTo("conv_in", "time", "conv_out");
        Math.Sqrt(last.GradientsByBlock.Sum(block => block.Value * block.Value * Elements(model, block.Key))).Should()
            .BeApproximately(last.GradientNorm, 1e-4 * last.GradientNorm);
        last.LiveTensors.Should().BePositive();
        last.FirstSkippedStep.Should().BeNull();
    }

    [Fact]
    public void The_loss_of_a_network_that_always_answers_zero_is_relatively_one()
    {
        List<TrainingProgress> reports = [];
        using TinyModel model = new();
        using (no_grad())
        {
            model.get_parameter("conv_out.weight")!.zero_();
            model.get_parameter("conv_out.bias")!.zero_();
        }

        using StripedImages images = new();
        using Trainer trainer = Trainer.For(model).UseDevice(ComputeDevice.Cpu(1)).UseData(images).ReportTo(new Listener(reports))
            .UseLearningRate(LearningRate.Constant(1e-12))
            .Configure(o => (o.Steps, o.BatchSize, o.ReportEverySteps) = (12, 8, 12))
            .Build();

        trainer.Run(TestContext.Current.CancellationToken);

        TrainingProgress report = reports.Should().ContainSingle().Subject;
        report.RelativeLoss.Should().BeApproximately(1, 1e-4);
        report.RelativeLossByLogSnr.Where(double.IsFinite).Should().NotBeEmpty().And.OnlyContain(loss => Math.Abs(loss - 1) < 1e-4);
    }

    private static long Elements(TinyModel model, string block) =>
        model.named_parameters().Where(parameter => parameter.name.StartsWith(block + ".", StringComparison.Ordinal))
            .Sum(parameter => parameter.parameter.numel());

    private static float[] Train(int? noiseScaleEvery, out double loss)
    {
        using TinyModel model = new(dropoutProbability: 0.1, classCount: 3);
        using StripedImages images = new(classCount: 3);
        using Trainer trainer = Trainer.For(model).UseDevice(ComputeDevice.Cpu(1)).UseData(images)
            .Configure(o => (o.Steps, o.BatchSize, o.ReportEverySteps, o.Health) = (10, 4, 10,
                new HealthOptions { NoiseScaleEverySteps = noiseScaleEvery }))
            .Build();
        loss = trainer.Run(TestContext.Current.CancellationToken).Loss!.Value;
        return [.. model.named_parameters().SelectMany(parameter => parameter.parameter.data<float>().ToArray())];
    }

    private sealed class Listener(List<TrainingProgress> reports) : IProgress<TrainingProgress>
    {
        public void Report(TrainingProgress value) => reports.Add(value);
    }
}
