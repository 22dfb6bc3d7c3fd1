using Diffusion.Data;
using Diffusion.Sampling;
using Diffusion.Training;
using Samples;
using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Benchmarks;

/// <summary>Checks that training and sampling on a device give what the CPU gives, up to the rounding of its convolutions.</summary>
internal sealed class DeviceChecks : IDisposable
{
    private const double MaxLossDifference = 0.02; // with TF32 convolutions, of 10 bits, it was 0.0009
    private const double MaxPixelDifference = 0.05;
    private const int Steps = 24;

    private static readonly StepSampler[] Samplers =
    [
        new DdimSampler(), new DdpmSampler(), new DeisSampler(), new DpmSolver(), new DpmSolver { Order = 3, Eta = 1 },
        new DpmSolver2S(), new DpmSolverSde(), new DpmSolverSinglestep(), new EulerAncestralSampler(), new EulerSampler(),
        new HeunSampler(), new LmsSampler(), new PndmSampler(), new PredictorCorrectorSampler(), new UniPcSampler(),
        new SaSolver(), new Dpm2Sampler(),
    ];

    private readonly ComputeDevice device;
    private readonly DrawnShapes images = DrawnShapes.Create(600, size: 16);
    private readonly DirectoryInfo folder = Directory.CreateTempSubdirectory("device-checks");

    public DeviceChecks(ComputeDevice device) => this.device = device;

    public IReadOnlyList<(string Name, Func<(bool, string)> Check)> All =>
    [
        ("losses follow the CPU", Losses),
        ("gradient checkpointing gives the same losses", Checkpointing),
        ("dropout and resume give the bits of an uninterrupted run", () => Resume(new ObjectiveOptions(), dropout: 0.1)),
        ("learned variance and resume", () => Resume(new ObjectiveOptions { LearnsVariance = true })),
        ("self-conditioning and resume", () => Resume(new ObjectiveOptions { SelfConditioning = 0.5 })),
        ("importance by second moment and resume", () => Resume(new ObjectiveOptions { Times = TimeLaw.SecondMoment().Description })),
        .. Samplers.Select<StepSampler, (string, Func<(bool, string)>)>(sampler =>
            ($"{sampler.GetType().Name} gives the images of the CPU", () => Sample(sampler))),
        ("bits per dimension", Bound),
        ("the learning-rate finder ends", FindRate),
        ("the plan ends", Plan),
        ("live tensors stay constant", Tensors),
    ];

    public void Dispose()
    {
        images.Dispose();
        folder.Delete(recursive: true);
    }

    private (bool, string) Losses()
    {
        double[] cpu = Train(ComputeDevice.Cpu(), out _);
        double difference = cpu.Zip(Train(device, out _), (expected, actual) => Math.Abs(actual - expected) / expected).Max();
        return (difference <= MaxLossDifference, $"relative difference at most {difference:E1} in {Steps} steps");
    }

    private (bool, string) Checkpointing()
    {
        double[] plain = Train(device, out _);
        double[] repeated = Train(device, out _, configure: options => options.GradientCheckpointing = GradientCheckpointing.All);
        double difference = plain.Zip(repeated, (expected, actual) => Math.Abs(actual - expected) / expected).Max();
        return (difference <= MaxLossDifference, $"relative difference at most {difference:E1}");
    }

    private (bool, string) Resume(ObjectiveOptions objective, double dropout = 0)
    {
        Train(device, out float[] whole, objective, dropout);
        string run = folder.CreateSubdirectory(Guid.NewGuid().ToString("N")).FullName;
        Train(device, out _, objective, dropout, options => (options.Steps, options.RunFolder) = (Steps / 2, run));
        Train(device, out float[] parts, objective, dropout, options => options.RunFolder = run);
        int different = whole.Zip(parts).Count(pair => pair.First != pair.Second);
        double max = whole.Zip(parts, (expected, actual) => Math.Abs(expected - (double)actual)).Max();
        return (different == 0, $"{different:N0} of {whole.Length:N0} weights differ, by at most {max:E1}");
    }

    private (bool, string) Sample(StepSampler sampler)
    {
        string run = TrainedRun();
        using TrainedModel here = TrainedModel.Open(run, device: device);
        using TrainedModel onCpu = TrainedModel.Open(run);
        StepSampler steps = sampler with { Steps = 10 };
        long[] labels = [.. Enumerable.Range(0, 8).Select(i => (long)i)];
        using Tensor actual = steps.Sample(new GuidedDenoiser(here.Denoiser, 2), labels.Length, 3, labels);
        using Tensor expected = steps.Sample(new GuidedDenoiser(onCpu.Denoiser, 2), labels.Length, 3, labels);
        using Tensor moved = actual.cpu();
        using Tensor difference = moved.sub(expected).abs();
        double mean = difference.mean().cpu().item<float>();
        return (mean <= MaxPixelDifference, $"mean difference {mean:E1}, at most {difference.max().item<float>():E1} of a range of 2");
    }

    private (bool, string) Bound()
    {
        string run = TrainedRun();
        using TrainedModel here = TrainedModel.Open(run, device: device);
        using TrainedModel onCpu = TrainedModel.Open(run);
        using ImageBatch batch = new BatchReader(images).Read([0, 1]);
        using Tensor moved = batch.Pixels.to(device.Activate());
        double actual = new VariationalBound(here.Denoiser).Measure(moved, Labels(batch.Labels!.to(device.Activate())))[0];
        double expected = new VariationalBound(onCpu.Denoiser).Measure(batch.Pixels, Labels(batch.Labels!))[0];
        return (Math.Abs(actual - expected) <= 0.01 * expected, $"{actual:F3}, on the CPU {expected:F3}");
    }

    private static Conditioning Labels(Tensor labels) => new() { ClassLabels = labels };

    private (bool, string) FindRate()
    {
        using IDiffusionModel network = CreateNetwork(new ObjectiveOptions(), 0);
        LrRange range = Builder(device, network, new ObjectiveOptions()).BuildLrRangeFinder().Run();
        return (true, $"suggests {range.Suggestion:G2}");
    }

    private (bool, string) Plan()
    {
        using IDiffusionModel network = CreateNetwork(new ObjectiveOptions(), 0);
        TrainingPlan plan = Builder(device, network, new ObjectiveOptions()).Plan();
        return (true, plan.ToString().ReplaceLineEndings(" "));
    }

    private (bool, string) Tensors()
    {
        List<long> counts = [];
        using IDiffusionModel network = CreateNetwork(new ObjectiveOptions(), 0);
        using Trainer trainer = Builder(device, network, new ObjectiveOptions())
            .AddPreview(1, preview =>
            {
                if (preview.Step % 10 == 0)
                {
                    new DdimSampler { Steps = 3 }.Sample(preview.EmaDenoiser, 4, preview.Step, [1]).Dispose();
                }

                counts.Add(torch.Tensor.TotalCount);
            })
            .Configure(options => options.Steps = 300)
            .Build();
        trainer.Run();
        long more = counts[100..].Max() - counts[100..].Min();
        return (more == 0, $"{more} more after step 100");
    }

    private string TrainedRun()
    {
        string run = Path.Combine(folder.FullName, "trained");
        if (!Directory.Exists(run))
        {
            Train(device, out _, new ObjectiveOptions(), configure: options => (options.Steps, options.RunFolder) = (200, run));
        }

        return run;
    }

    // The losses of all steps, and the weights at the end.
    private double[] Train(ComputeDevice place, out float[] weights, ObjectiveOptions? objective = null, double dropout = 0,
        Action<TrainingOptions>? configure = null)
    {
        List<double> losses = [];
        objective ??= new ObjectiveOptions();
        using IDiffusionModel network = CreateNetwork(objective, dropout);
        using Trainer trainer = Builder(place, network, objective)
            .Configure(options => configure?.Invoke(options))
            .ReportTo(progress => losses.Add(progress.Loss))
            .Build();
        trainer.Run();
        using DisposeScope scope = NewDisposeScope();
        weights = [.. network.Network.parameters().SelectMany(parameter => parameter.detach().cpu().data<float>().ToArray())];
        return [.. losses];
    }

    private TrainerBuilder Builder(ComputeDevice place, IDiffusionModel network, ObjectiveOptions objective) => Trainer.For(network)
        .UseDevice(place)
        .UseData(images)
        .UseLearningRate(LearningRate.Constant(1e-3))
        .Configure(options =>
        {
            options.Steps = Steps;
            options.BatchSize = 16;
            options.MicroBatchSize = 8;
            options.ReportEverySteps = 1;
            options.Objective = objective;
        });

    private IDiffusionModel CreateNetwork(ObjectiveOptions objective, double dropout)
    {
        bool conditioned = objective.SelfConditioning > 0;
        UNet2D unet = new(
            new UNet2DOptions
            {
                SampleSize = 16,
                InChannels = conditioned ? 6 : 3,
                OutChannels = objective.LearnsVariance ? 6 : 3,
                BlockOutChannels = [32, 64],
                DownBlockTypes = [DownBlockType.DownBlock2D, DownBlockType.AttnDownBlock2D],
                UpBlockTypes = [UpBlockType.AttnUpBlock2D, UpBlockType.UpBlock2D],
                LayersPerBlock = 1,
                NormNumGroups = 8,
                Dropout = dropout,
                NumClassEmbeds = images.ClassCount + 1,
            },
            seed: 0);
        return conditioned ? new SelfConditionedModel(unet) : unet;
    }
}
