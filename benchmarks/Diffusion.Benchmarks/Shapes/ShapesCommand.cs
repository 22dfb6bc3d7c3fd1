using System.CommandLine;
using System.Diagnostics;
using Diffusion.Sampling;
using Samples;
using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Benchmarks;

/// <summary>
/// <c>shapes</c>: samples the run of the quickstart as the quickstart does, and counts the images in which a classifier reads the class
/// that was asked for.
/// </summary>
internal static class ShapesCommand
{
    private const double MinCorrect = 0.85;
    private const double MinAccuracy = 0.98;

    private sealed record Choices(string Run, int Samples, int Steps, double Guidance, long Seed);

    public static Command Create()
    {
        Option<string> run = new("--run") { Description = "The run of the quickstart.", DefaultValueFactory = _ => "runs/shapes" };
        Option<int> samples = new("--samples") { Description = "Images, at least 10.", DefaultValueFactory = _ => 500 };
        Option<int> steps = new("--steps") { Description = "Steps of Heun's method.", DefaultValueFactory = _ => 10 };
        Option<double> guidance = new("--guidance") { Description = "The scale of the guidance.", DefaultValueFactory = _ => 3 };
        Option<long> seed = new("--seed") { Description = "The seed of the images.", DefaultValueFactory = _ => 7 };
        Command command = new("shapes", "Counts the samples of the quickstart that a classifier reads as asked.")
        {
            run, samples, steps, guidance, seed,
        };
        command.SetAction(arguments => Run(new Choices(arguments.GetValue(run)!, arguments.GetValue(samples), arguments.GetValue(steps),
            arguments.GetValue(guidance), arguments.GetValue(seed))));
        return command;
    }

    private static int Run(Choices choices)
    {
        ComputeDevice.Cpu().Activate();
        using TrainedModel model = TrainedModel.Open(choices.Run);
        using ShapeClassifier classifier = ShapeClassifier.Train();
        double accuracy = classifier.MeasureAccuracy();
        Console.WriteLine($"The classifier reads {accuracy:P1} of new drawings correctly.");

        int classes = DrawnShapes.ClassNames.Count;
        long[] labels = [.. Enumerable.Range(0, choices.Samples).Select(i => (long)(i % classes))];
        long began = Stopwatch.GetTimestamp();
        using Tensor images = new HeunSampler { Steps = choices.Steps }.Sample(
            new GuidedDenoiser(model.Denoiser, choices.Guidance), choices.Samples, choices.Seed, labels);
        TimeSpan elapsed = Stopwatch.GetElapsedTime(began);

        bool[] correct = [.. classifier.Read(images).Zip(labels, (read, asked) => read == asked)];
        for (int label = 0; label < classes; label++)
        {
            double own = labels.Zip(correct).Where(pair => pair.First == label).Average(pair => pair.Second ? 1 : 0);
            Console.WriteLine($"{DrawnShapes.ClassNames[label],-10} {own:P0}");
        }

        double fraction = correct.Average(isCorrect => isCorrect ? 1 : 0);
        bool reached = accuracy >= MinAccuracy && fraction >= MinCorrect;
        return Verdict.Print(
            $"{choices.Samples} samples of step {model.Step} in {elapsed.TotalSeconds:F0} s",
            $"{fraction:P1} are read as asked; target: at least {MinCorrect:P0}, by a classifier of at least {MinAccuracy:P0}", reached);
    }
}
