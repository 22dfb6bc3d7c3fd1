using System.CommandLine;
using System.Diagnostics;
using Diffusion.Sampling;
using Diffusion.TestKit;
using Quickstart;
using Samples;
using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Benchmarks;

/// <summary>
/// <c>sampling</c>: the time of a sampler divided by the time of its calls of the network alone, with the quickstart's network; and the
/// live tensors over many steps.
/// </summary>
internal static class SamplingCommand
{
    private const double MaxRatio = 1.03;
    private const int Steps = 5;
    private const int SoakSteps = 10_000;
    private const int SettledAfter = 100;
    private static readonly int[] BatchSizes = [1, 16];

    public static Command Create()
    {
        Option<int> blocks = new("--blocks") { Description = $"Pairs of {Steps} steps and {Steps} calls.", DefaultValueFactory = _ => 160 };
        Command command = new("sampling", "The time of a sampler compared with its network calls alone, and its live tensors.") { blocks };
        command.SetAction(arguments => Run(arguments.GetValue(blocks)));
        return command;
    }

    private static int Run(int blocks)
    {
        ComputeDevice device = ComputeDevice.Cpu();
        device.Activate();
        using IDiffusionModel model = SmallModel.Create(ImageShape.Square(32), DrawnShapes.ClassNames.Count, seed: 0);
        Denoiser denoiser = new(model, new FlowSchedule(), Parameterization.Sample);
        double[] ratios = [.. BatchSizes.Select(batch => Ratio(denoiser, batch, blocks))];
        long growth = Growth();
        string measured = string.Join("; ", BatchSizes.Zip(ratios, (batch, ratio) => $"batch {batch}: {ratio:F3} times the calls"));
        return Verdict.Print($"{device}, {device.CpuThreads} threads; {measured}; {growth} more live tensors after {SoakSteps:N0} steps",
            $"at most {ratios.Max():F3} times, {growth} tensors; targets: {MaxRatio} times, no tensor",
            ratios.Max() <= MaxRatio && growth == 0);
    }

    // The median of pairs, which take turns in their order.
    private static double Ratio(Denoiser denoiser, int batch, int blocks)
    {
        EulerSampler sampler = new() { Steps = Steps };
        SampleRequest request = new() { Count = batch, BatchSize = batch, ClassLabels = [0] };
        using DisposeScope scope = NewDisposeScope();
        Tensor noisy = randn(batch, 3, 32, 32);
        Tensor labels = full([batch], 0.5f);
        Conditioning conditioning = new() { ClassLabels = zeros(batch, int64) };
        Sample();
        Call();
        return Median.Of([.. Enumerable.Range(0, blocks).Select(i =>
        {
            (TimeSpan first, TimeSpan second) = i % 2 == 0 ? (Time(Sample), Time(Call)) : (Time(Call), Time(Sample));
            return i % 2 == 0 ? first / second : second / first;
        })]);

        void Sample() => sampler.Sample(denoiser, request).Dispose();

        void Call()
        {
            using IDisposable noGradients = no_grad();
            for (int i = 0; i < Steps; i++)
            {
                denoiser.Model.Predict(noisy, labels, conditioning).Dispose();
            }
        }
    }

    private static TimeSpan Time(Action work)
    {
        long began = Stopwatch.GetTimestamp();
        work();
        return Stopwatch.GetElapsedTime(began);
    }

    // More live tensors in the last step than after the first ones; every call takes 1000 steps.
    private static long Growth()
    {
        using ScriptedModel model = new((noisy, _, _) => noisy.mul(0.1f)) { SampleShape = ImageShape.Square(4) };
        Denoiser denoiser = new(model, NoiseSchedule.Cosine());
        DpmSolver sampler = new() { Steps = 999, Order = 3, Eta = 1 };
        List<long> counts = [];
        LiveTensors.Settle();
        while (counts.Count < SoakSteps)
        {
            sampler.Sample(denoiser, new SampleRequest { Count = 2 }, new Count(counts)).Dispose();
        }

        return counts.Skip(SettledAfter).Max() - counts[SettledAfter];
    }

    private sealed class Count(List<long> counts) : IProgress<SamplingProgress>
    {
        public void Report(SamplingProgress value)
        {
            if (value.Step > 3) // Its history is complete.
            {
                counts.Add(LiveTensors.OfProcess);
            }
        }
    }
}
