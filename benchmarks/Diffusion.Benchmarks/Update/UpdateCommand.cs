using System.CommandLine;
using BenchmarkDotNet.Configs;
using BenchmarkDotNet.Jobs;
using BenchmarkDotNet.Loggers;
using BenchmarkDotNet.Reports;
using BenchmarkDotNet.Running;
using BenchmarkDotNet.Toolchains.InProcess.Emit;

namespace Diffusion.Benchmarks;

/// <summary><c>update</c>: the whole parameter update on flat buffers, compared with TorchSharp's parts tensor by tensor.</summary>
internal static class UpdateCommand
{
    private const double Bar = 8;

    public static Command Create()
    {
        Command command = new("update", "Clip, AdamW, EMA and zero on flat buffers, compared with TorchSharp's parts tensor by tensor.");
        command.SetAction(_ => Run());
        return command;
    }

    private static int Run()
    {
        // In this process, because libtorch is loaded already and both sides run under the same conditions.
        IConfig config = ManualConfig.CreateMinimumViable()
            .AddJob(Job.Default.WithToolchain(InProcessEmitToolchain.Instance).WithWarmupCount(3).WithIterationCount(30))
            .AddLogger(ConsoleLogger.Default);
        Summary summary = BenchmarkRunner.Run<UpdateBenchmark>(config);
        double Median(string method) => summary.Reports
            .Single(report => report.BenchmarkCase.Descriptor.WorkloadMethod.Name == method).ResultStatistics!.Median;

        double theirs = Median(nameof(UpdateBenchmark.TensorByTensor));
        double ours = Median(nameof(UpdateBenchmark.Flat));
        double memory = Median(nameof(UpdateBenchmark.MemoryAlone));
        Console.WriteLine();
        return Verdict.Print(
            $"Median update of {UpdateBenchmark.ParameterCount / 1e6:F1} M parameters: {theirs / 1e6:F1} ms tensor by tensor, "
                + $"{ours / 1e6:F1} ms flat, "
            + $"{memory / 1e6:F1} ms to read and write its memory",
            $"{theirs / ours:F1} times faster; target: at least {Bar:F0}",
            theirs / ours >= Bar);
    }
}
