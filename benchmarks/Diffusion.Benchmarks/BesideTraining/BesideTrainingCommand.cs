using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using Diffusion.TestKit;

namespace Diffusion.Benchmarks;

/// <summary><c>beside-training</c>: whether samples made during training are identical to samples made alone.</summary>
internal static class BesideTrainingCommand
{
    public static Command Create()
    {
        Option<int> pictures = new("--pictures") { Description = "The number of images.", DefaultValueFactory = _ => 2000 };
        Command command = new(
            "beside-training",
            "Samples on four threads while trainers run and are disposed, snapshots are taken, and models are loaded and disposed; "
                + "compares each image with the same image sampled alone.")
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
                $"{soak.Compared} images from four threads in {Stopwatch.GetElapsedTime(began).TotalSeconds:F0} s, during "
                    + $"{soak.Trainers} trainers that ran and were disposed and {soak.Loads} models that were loaded and disposed; "
                    + $"{soak.Refused} calls were refused because their model was disposed"),
            soak.Failures,
            "differ from the same images sampled alone, or failed");
    }
}
