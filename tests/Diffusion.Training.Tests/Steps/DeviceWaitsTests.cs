using Diffusion.Data;
using Diffusion.Sampling;
using Diffusion.TestKit;
using Diffusion.Training.Tests.Distributed;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Diffusion.Training.Tests.Steps;

/// <summary>How often a training step copies to its device and back: each copy back waits for the device.</summary>
public sealed class DeviceWaitsTests
{
    private const long CopiesOfMicroBatch = 6;

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Steps_between_reports_read_nothing_from_the_device(bool hasClasses)
    {
        (long sent, long read) = Copies(40, hasClasses);
        (long sentOfFewer, long readOfFewer) = Copies(20, hasClasses);

        read.Should().Be(readOfFewer);
        (sent - sentOfFewer).Should().Be(20 * 2 * (CopiesOfMicroBatch + (hasClasses ? 2 : 0)));
    }

    [Fact]
    public void A_report_reads_twice() =>
        (Copies(20, hasClasses: false, o => o.ReportEverySteps = 1).Read - Copies(20, hasClasses: false).Read).Should().Be(19 * 2);

    [Fact]
    public void A_skipped_step_is_decided_on_the_device()
    {
        ReadBy(7).Should().Be(ReadBy(5));

        static long ReadBy(int steps) =>
            Copies(steps, hasClasses: false, o => o.Health = new HealthOptions { MaxGradientNorm = 1e-30 }).Read;
    }

    [Fact]
    public void A_step_of_several_processes_reads_twice()
    {
        long[] ofFewer = [.. ReadBy(10)];
        ReadBy(30).Zip(ofFewer, (more, fewer) => more - fewer).Should().AllBeEquivalentTo(20 * 2);

        static IEnumerable<long> ReadBy(int steps)
        {
            long[] read = new long[2];
            new SharedRun
            {
                Steps = steps,
                Distributed = new DistributedOptions { CheckEverySteps = null },
                Configure = options => options.ReportEverySteps = 1000,
                ReadsTrainer = false,
                BeforeRun = (_, rank) => read[rank] = Transfers.OfThread.Read,
                UseTrainer = (_, rank) => read[rank] = Transfers.OfThread.Read - read[rank],
            }.On(2);
            return read;
        }
    }

    [Fact]
    public void The_noise_of_a_samplers_steps_is_sent_to_the_device_and_nothing_is_read()
    {
        (long sent, long read) = CopiesOf(eta: 1);
        (long sentWithout, long readWithout) = CopiesOf(eta: 0);

        (sent - sentWithout).Should().BeInRange(5, 6); // the last of six steps may add none
        read.Should().Be(readWithout);

        static (long Sent, long Read) CopiesOf(double eta)
        {
            using TinyModel model = new();
            DdimSampler sampler = new() { Steps = 6, Eta = eta };
            SampleRequest request = new() { Count = 2, Seed = 5, Shape = ImageShape.Square(8, 1) };
            (long sent, long read) = Transfers.OfThread;
            using Tensor images = sampler.Sample(
                new Denoiser(model, NoiseSchedule.Cosine()), request, cancellationToken: TestContext.Current.CancellationToken);
            return (Transfers.OfThread.Sent - sent, Transfers.OfThread.Read - read);
        }
    }

    [Fact]
    public void A_pass_runs_on_a_device_that_nothing_can_be_read_from()
    {
        Device unreadable = new(DeviceType.META);
        using DisposeScope scope = NewDisposeScope();
        using StripedImages images = new();
        using Linear line = nn.Linear(64, 64); // that device has no convolution, and no fused squared error
        line.to(unreadable);
        using ScriptedModel model = new((noisy, _, _) => line.call(noisy.flatten(1)).view_as(noisy), line);
        Objective objective = new() { Weighting = LossWeighting.MinSnr() };
        using LossGauge gauge = new(unreadable);
        TrainingPass pass = new(new Denoiser(model, NoiseSchedule.Cosine()), objective, new SeedStream(3)) { Observer = gauge };
        using FlatParameters parameters = new(line);
        using BatchLoader loader = new(images, 4, new SeedStream(3), device: unreadable);

        Tensor loss = pass.Accumulate(loader, parameters, 8, 4, cancellationToken: TestContext.Current.CancellationToken)!;

        loss.device_type.Should().Be(DeviceType.META);
        FluentActions.Invoking(() => loss.item<float>()).Should().Throw<Exception>();
    }

    private static (long Sent, long Read) Copies(int steps, bool hasClasses, Action<TrainingOptions>? configure = null)
    {
        using StripedImages images = new(classCount: hasClasses ? 3 : null);
        using TinyModel model = new(classCount: hasClasses ? 4 : null);
        using Trainer trainer = StripedRun.Builder(model, images, steps).Configure(o =>
        {
            o.ReportEverySteps = 1000;
            o.Objective = o.Objective with { LabelDropout = hasClasses ? 0.1 : 0 };
            configure?.Invoke(o);
        }).Build();
        (long sent, long read) = Transfers.OfThread;
        trainer.Run(TestContext.Current.CancellationToken);
        return (Transfers.OfThread.Sent - sent, Transfers.OfThread.Read - read);
    }
}
