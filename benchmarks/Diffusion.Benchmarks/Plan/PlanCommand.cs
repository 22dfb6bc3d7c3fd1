using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using Diffusion.Data;
using Diffusion.Training;

namespace Diffusion.Benchmarks;

/// <summary>
/// <c>plan</c>: the time that a plan predicts, and the remaining time that the run predicts after a tenth, compared with the actual time.
/// </summary>
internal static class PlanCommand
{
    private const double MaxError = 0.1;

    public static Command Create()
    {
        Option<double> seconds = new("--seconds") { Description = "The planned time of each run.", DefaultValueFactory = _ => 40 };
        Command command = new("plan", "Compares planned and actual times of training.") { seconds };
        command.SetAction(arguments => Run(TimeSpan.FromSeconds(arguments.GetValue(seconds))));
        return command;
    }

    private static int Run(TimeSpan wanted)
    {
        Console.WriteLine("| run | steps | planned | actual | error | estimated remaining after a tenth | actual remaining | error |");
        Console.WriteLine("| --- | --: | --: | --: | --: | --: | --: | --: |");
        List<double> errors = [];
        foreach (PlanCase planned in PlanCase.All)
        {
            using IImageSource? images = planned.Open();
            if (images is null)
            {
                Console.WriteLine($"| {planned.Name}: skipped, its images are not available | | | | | | | |");
                continue;
            }

            errors.AddRange(Compare(planned, images, wanted));
        }

        return Verdict.Print(
            string.Create(CultureInfo.InvariantCulture,
                $"{errors.Count(error => error <= MaxError)} of {errors.Count} within 10 %; the maximum error is "
                    + $"{100 * errors.Max():F1} %"),
            "all within 10 %",
            errors.TrueForAll(error => error <= MaxError));
    }

    private static double[] Compare(PlanCase planned, IImageSource images, TimeSpan wanted)
    {
        using UNet2D model = planned.CreateModel(images.Shape);
        TrainingPlan measured = Builder(planned, model, images, steps: 1000).Plan();
        TrainingPlan plan = measured.WithSteps(Math.Max(20, measured.StepsWithin(wanted)));
        TimeSpan? left = null;
        TimeSpan then = TimeSpan.Zero;
        Stopwatch clock = new();
        using Trainer trainer = Builder(planned, model, images, plan.Steps)
            .Configure(o => o.ReportEverySteps = (int)(plan.Steps / 10))
            .ReportTo(new Observer(progress =>
            {
                if (left is null)
                {
                    (left, then) = (progress.Remaining, clock.Elapsed);
                }
            }))
            .Build();
        clock.Start();
        trainer.Run();
        TimeSpan taken = clock.Elapsed;
        double planError = (plan.Duration / taken) - 1;
        double leftError = (left!.Value / (taken - then)) - 1;
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"| {planned.Name} | {plan.Steps} | {plan.Duration.TotalSeconds:F1} s | {taken.TotalSeconds:F1} s | "
                + $"{100 * planError:+0.0;-0.0} % | {left.Value.TotalSeconds:F1} s | {(taken - then).TotalSeconds:F1} s | "
                + $"{100 * leftError:+0.0;-0.0} % |"));
        return [Math.Abs(planError), Math.Abs(leftError)];
    }

    private static TrainerBuilder Builder(PlanCase planned, UNet2D model, IImageSource images, long steps) => Trainer.For(model)
        .UseDevice(ComputeDevice.Cpu())
        .UseData(images)
        .UseLearningRate(LearningRate.Constant(1e-3))
        .Configure(o =>
        {
            o.Steps = steps;
            o.BatchSize = planned.Batch;
            o.MicroBatchSize = planned.MicroBatch;
            o.HoldOutFraction = planned.HeldOut;
            o.HoldOutEverySteps = 20;
        });

    private sealed class Observer(Action<TrainingProgress> action) : IProgress<TrainingProgress>
    {
        public void Report(TrainingProgress value) => action(value);
    }
}
