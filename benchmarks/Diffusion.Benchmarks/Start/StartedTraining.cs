using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using Diffusion.Data;
using Diffusion.Reporting;
using Diffusion.Training;
using Quickstart;
using Samples;

namespace Diffusion.Benchmarks;

/// <summary><c>start-once</c>: the training of the quickstart up to its first step, in this process; <c>start</c> starts it.</summary>
internal static class StartedTraining
{
    private const string Name = "start-once";
    private const int Images = 10_000;

    public static Command Create()
    {
        Command command = new(Name, "Trains one step of the quickstart, for start.") { Hidden = true };
        command.SetAction(_ => Run());
        return command;
    }

    /// <summary>Runs the training in a process of its own.</summary>
    /// <returns>The seconds of each part, in their order.</returns>
    public static Dictionary<string, double> Start()
    {
        string[] command = OwnProgram.Command(Name);
        ProcessStartInfo start = new(command[0], command[1..]) { RedirectStandardOutput = true };
        using Process process = Process.Start(start)!;
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return process.ExitCode == 0
            ? output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => line.Split('\t'))
                .ToDictionary(part => part[0], part => double.Parse(part[1], CultureInfo.InvariantCulture), StringComparer.Ordinal)
            : throw new InvalidOperationException($"The program ended with exit code {process.ExitCode}: {output}");
    }

    private static void Run()
    {
        using Process own = Process.GetCurrentProcess();
        PartClock clock = new(DateTime.Now - own.StartTime);
        NativeLibraries.Load();
        clock.End("libtorch");
        TorchBackend.EnsureLoaded();
        clock.End("check of convolutions");

        ComputeDevice device = ComputeDevice.Cpu();
        using DrawnShapes images = DrawnShapes.Create(Images, size: 32);
        clock.End("images");

        using IDiffusionModel model = SmallModel.Create(images.Shape, images.ClassCount, seed: 0);
        clock.End("network");

        string folder = Directory.CreateTempSubdirectory("diffusion-start-").FullName;
        using CancellationTokenSource firstStep = new();
        try
        {
            using Trainer trainer = Trainer.For(model)
                .UseDevice(device)
                .UseData(images)
                .UseLearningRate(LearningRate.Cosine(2e-3))
                .UseCheckpoints(folder, everySteps: 200)
                .WriteReport()
                .ReportTo(_ =>
                {
                    clock.End("first step");
                    firstStep.Cancel();
                })
                .Configure(o =>
                {
                    o.Steps = 600;
                    o.BatchSize = 32;
                    o.ReportEverySteps = 1;
                    o.Schedule = SmallModel.Schedule;
                    o.Objective = SmallModel.Objective(images.ClassCount);
                })
                .Build();
            clock.End("trainer");
            trainer.Run(firstStep.Token);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }

        clock.Print();
    }

    private sealed class PartClock(TimeSpan ofRuntime)
    {
        private readonly List<(string Name, TimeSpan Time)> parts = [("runtime", ofRuntime)];
        private long began = Stopwatch.GetTimestamp();

        public void End(string part)
        {
            parts.Add((part, Stopwatch.GetElapsedTime(began)));
            began = Stopwatch.GetTimestamp();
        }

        public void Print()
        {
            foreach ((string name, TimeSpan time) in parts)
            {
                Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{name}\t{time.TotalSeconds:F4}"));
            }
        }
    }
}
