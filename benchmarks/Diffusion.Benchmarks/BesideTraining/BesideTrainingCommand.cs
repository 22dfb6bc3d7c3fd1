using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using Diffusion.TestKit;

namespace Diffusion.Benchmarks;

/// <summary><c>beside-training</c>: whether samples made beside training are those that are made alone.</summary>
internal static class BesideTrainingCommand
{
    public static Command Create()
    {
        Option<int> pictures = new("--pictures") { Description = "How many pictures.", DefaultValueFactory = _ => 2000 };
        Command command = new(
            "beside-training",
            "Samples from four threads while trainers run and are disposed, snapshots are taken, and models are loaded and disposed; "
                + "compares each picture with its serial twin.")
        {
            pictures,
        };
        command.SetAction(arguments => Run(arguments.GetValue(pictures)));
        return command;
    }

    private static int Run(int pictures)
    {
        TorchBackend.EnsureLoaded();
        long began = Stopwatch.GetTimestamp();
        TestKit.BesideTraining soak = TestKit.BesideTraining.Run(pictures);
        return Verdict.Print(
            string.Create(
                CultureInfo.InvariantCulture,
                $"{soak.Compared} pictures from four threads in {Stopwatch.GetElapsedTime(began).TotalSeconds:F0} s, beside "
                    + $"{soak.Trainers} trainers that ran and were disposed and {soak.Loads} models that were loaded and disposed; "
                    + $"{soak.Refused} calls were refused because what they sampled was disposed"),
            soak.Failures,
            "differ from their serial twins or failed");
    }
}
