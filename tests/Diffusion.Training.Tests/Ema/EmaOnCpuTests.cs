using Diffusion.TestKit;
using Diffusion.Training.Tests.Distributed;
using Microsoft.Extensions.Options;
using TorchSharp;

namespace Diffusion.Training.Tests.Ema;

/// <summary>Averages that are kept in the memory of the host. Here the device is the host too, so the same numbers must come out.</summary>
public sealed class EmaOnCpuTests
{
    public static TheoryData<string, Action<TrainingOptions>, IOptimizerFactory> Runs { get; } = new()
    {
        { "every step", _ => { }, Optimizers.AdamW() },
        { "every third step", o => o.EmaEverySteps = 3, Optimizers.AdamW() },
        { "two averages", o => o.AdditionalEma = ["warmup(max-decay: 0.9)"], Optimizers.AdamW() },
        { "the optimizer's average", _ => { }, Optimizers.ScheduleFreeAdamW() },
        { "held-out loss", o => (o.HoldOutFraction, o.HoldOutEverySteps) = (0.2, 4), Optimizers.AdamW() },
    };

    [Theory]
    [MemberData(nameof(Runs), DisableDiscoveryEnumeration = true)]
    public void Averages_previews_and_losses_are_those_of_averages_on_the_device(
        string name, Action<TrainingOptions> configure, IOptimizerFactory optimizer)
    {
        (SharedRun.Outcome usual, float[][] previews) = Train(configure, optimizer, onCpu: false);
        (SharedRun.Outcome onCpu, float[][] previewsOnCpu) = Train(configure, optimizer, onCpu: true);

        onCpu.Average.Should().Equal(usual.Average, name);
        onCpu.Weights.Should().Equal(usual.Weights);
        onCpu.Losses.Should().Equal(usual.Losses);
        onCpu.Reports.Select(report => report.HeldOutLoss).Should().Equal(usual.Reports.Select(report => report.HeldOutLoss));
        onCpu.Result.Averages.Should().HaveSameCount(usual.Result.Averages);
        previewsOnCpu.Should().HaveCount(3).And.BeEquivalentTo(previews, options => options.WithStrictOrdering());
    }

    [Fact]
    public void Between_previews_the_average_is_not_on_the_device()
    {
        List<Exception?> meanwhile = [];
        Trainer? running = null;
        bool hasAverage = false;
        SharedRun run = new()
        {
            Steps = 6, Configure = o => o.EmaOnCpu = true,
            BeforeRun = (trainer, _) => running = trainer,
            Build = (builder, _) => builder.ReportTo((TrainingProgress _) =>
            {
                meanwhile.Add(Record.Exception(() => Floats(running!.EmaDenoiser)));
                meanwhile.Add(Record.Exception(() => running!.SnapshotEma().Dispose()));
                hasAverage = running!.Ema!.Average.device_type == DeviceType.CPU;
            }),
            UseTrainer = (trainer, _) =>
            {
                float[] average = Floats(trainer.EmaDenoiser);
                using (TrainedModel copy = trainer.SnapshotEma())
                {
                    Floats(copy.Denoiser).Should().Equal(average);
                }

                float[] own = Floats(trainer.RawDenoiser);
                using (trainer.Ema!.Swap())
                {
                    Floats(trainer.RawDenoiser).Should().Equal(average).And.NotEqual(own);
                }

                Floats(trainer.RawDenoiser).Should().Equal(own);
            },
        };

        run.Alone();
        meanwhile.Should().HaveCount(12).And.AllSatisfy(error => error.Should().BeOfType<InvalidOperationException>()
            .Which.Message.Should().Contain("EmaOnCpu").And.Contain("previews"));
        hasAverage.Should().BeTrue();
    }

    [Fact]
    public void A_run_that_resumes_with_the_averages_elsewhere_continues_them()
    {
        using TemporaryFolder folder = new();
        SharedRun.Outcome Run(string name, bool onCpu, long? stopAt)
        {
            using CancellationTokenSource stop = new();
            return new SharedRun
            {
                Steps = 10, Folder = folder.File(name), Tokens = [stop.Token], Configure = o => o.EmaOnCpu = onCpu,
                Build = (builder, _) => builder.AddPreview(1, preview =>
                {
                    if (preview.Step == stopAt)
                    {
                        stop.Cancel();
                    }
                }),
            }.Alone();
        }

        SharedRun.Outcome whole = Run("whole", onCpu: false, stopAt: null);
        Run("resumed", onCpu: true, stopAt: 4).Result.Step.Should().Be(4);
        Run("resumed", onCpu: false, stopAt: 7).Result.Step.Should().Be(7);
        SharedRun.Outcome resumed = Run("resumed", onCpu: true, stopAt: null);

        resumed.Average.Should().Equal(whole.Average);
        resumed.Weights.Should().Equal(whole.Weights);
    }

    [Fact]
    public void Previews_leave_no_tensors_behind()
    {
        List<long> live = [];
        new SharedRun
        {
            Steps = 12, Configure = o => o.EmaOnCpu = true,
            Build = (builder, _) => builder.AddPreview(2, _ => live.Add(LiveTensors.Count)),
        }.Alone();
        live.Skip(1).Distinct().Should().ContainSingle();
    }

    // On a GPU these are the copies that wait for the device.
    [Theory]
    [InlineData(false, 0)]
    [InlineData(true, 2)]
    public void An_update_reads_the_weights_from_the_device_only_for_an_average_on_the_host(bool onCpu, int reads)
    {
        using TinyModel model = new();
        using FlatParameters parameters = new(model);
        using EmaWrapper ema = new(parameters, EmaLaw.Constant(0.5), onCpu);
        using torch.Tensor no = torch.zeros([]);
        long before = Transfers.OfThread.Read;
        ema.Update(1, no);
        (Transfers.OfThread.Read - before).Should().Be(reads);
    }

    [Fact]
    public void The_device_is_told_where_the_option_is_of_no_use()
    {
        IReadOnlyList<TrainingWarning> warnings = [];
        new SharedRun { Steps = 6, Configure = o => o.EmaOnCpu = true, BeforeRun = (trainer, _) => warnings = trainer.Warnings }.Alone();
        warnings.Should().ContainSingle(warning => warning.Option == "EmaOnCpu").Which.Text.Should().Contain("the device is CPU");
        PipelineWarnings.Of(new TrainingOptions { EmaOnCpu = true }, null, null, [], [], 0, DeviceType.CUDA).Should()
            .ContainSingle(warning => warning.Option == "EmaOnCpu").Which.Text.Should().Contain("Use 10");
        PipelineWarnings.Of(new TrainingOptions { EmaOnCpu = true, EmaEverySteps = 10 }, null, null, [], [], 0, DeviceType.CUDA).Should()
            .NotContain(warning => warning.Option == "EmaOnCpu");
    }

    [Fact]
    public void Several_processes_are_told_what_divides_their_averages() =>
        new SharedRun { Configure = o => o.EmaOnCpu = true }.TryOn(2).Should().AllSatisfy(rank => rank.Error.Should()
            .BeOfType<OptionsValidationException>().Which.Failures.Should().ContainSingle().Which.Should().Contain("ShardOptimizer"));

    [Fact]
    public void The_estimate_of_a_GPU_has_no_averages_and_that_of_a_CPU_has_them()
    {
        UNet2DOptions network = UNet2DOptions.ForImages(16, 3, UNet2DSize.Medium);
        long Bytes(DeviceType device, bool onCpu) => MemoryEstimator.For(network, ImageShape.Square(16, 3),
            new TrainingOptions { EmaOnCpu = onCpu }, device: device).Estimate(4).Averages;

        Bytes(DeviceType.CUDA, onCpu: true).Should().Be(0);
        Bytes(DeviceType.CUDA, onCpu: false).Should().BePositive().And.Be(Bytes(DeviceType.CPU, onCpu: true));

        MemoryEstimator asked = new(network, ImageShape.Square(16, 3)) { Device = DeviceType.CUDA, Averages = 4 };
        MemoryEstimate estimate = asked.Estimate(64);
        long budget = estimate.Total - (estimate.Averages / 2);
        MemoryReductions.Of(asked, 64, budget).Select(way => way.Change).Should().Contain("EmaOnCpu");
        MemoryReductions.Of(new MemoryEstimator(asked) { ShardedOver = 2 }, 64, estimate.Total).Select(way => way.Change).Should()
            .NotContain("EmaOnCpu");

        // After the run all of them are on the device, without the activations.
        long Total(bool onCpu) => new MemoryEstimator(asked) { Averages = 40, AveragesOnCpu = onCpu }.Estimate(1).Total;
        Total(onCpu: true).Should().BeLessThan(Total(onCpu: false)).And.BeGreaterThan(10 * estimate.Averages);
    }

    private static (SharedRun.Outcome Outcome, float[][] Previews) Train(
        Action<TrainingOptions> configure, IOptimizerFactory optimizer, bool onCpu)
    {
        List<float[]> previews = [];
        SharedRun.Outcome outcome = new SharedRun
        {
            Steps = 12, Optimizer = optimizer, Configure = o =>
            {
                configure(o);
                o.EmaOnCpu = onCpu;
            },
            Build = (builder, _) => builder.AddPreview(4, preview => previews.Add(Floats(preview.EmaDenoiser))),
        }.Alone();
        return (outcome, [.. previews]);
    }

    // What the denoiser says about an image, which needs its weights.
    private static float[] Floats(Denoiser denoiser)
    {
        using DisposeScope scope = torch.NewDisposeScope();
        torch.Tensor noisy = torch.linspace(-1, 1, 64).reshape(1, 1, 8, 8);
        return denoiser.Denoise(noisy, denoiser.Schedule.At(denoiser.Schedule.LastTime / 2)).Clean.data<float>().ToArray();
    }
}
