using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using Diffusion.Data;
using Diffusion.Training;
using Quickstart;
using Samples;
using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Benchmarks;

/// <summary><c>ahead</c>: the time of a training step whose noise another thread draws, divided by that of a step that draws it.</summary>
internal static class AheadCommand
{
    private const double Bar = 1;
    private const int StepsPerBlock = 5;

    public static Command Create()
    {
        Option<int> size = new("--size") { Description = "Height and width of the images in pixels.", DefaultValueFactory = _ => 32 };
        Option<int> batch = new("--batch") { Description = "Images per step.", DefaultValueFactory = _ => 32 };
        Option<int> pairs = new("--pairs") { Description = "Pairs of blocks.", DefaultValueFactory = _ => 40 };
        Option<string> device = new("--device") { Description = "The device.", DefaultValueFactory = _ => "cpu" };
        Command command = new("ahead", "The time of a step whose noise another thread draws, divided by that of a step that draws it.")
        {
            size, batch, pairs, device,
        };
        command.SetAction(arguments => Run(ComputeDevice.Parse(arguments.GetValue(device)!), arguments.GetValue(size),
            arguments.GetValue(batch), arguments.GetValue(pairs)));
        return command;
    }

    private static int Run(ComputeDevice device, int size, int batch, int pairs)
    {
        Device place = device.Activate();
        using DrawnShapes images = DrawnShapes.Create(1000, size);
        using IDiffusionModel model = SmallModel.Create(images.Shape, images.ClassCount, seed: 0);
        model.Network.to(place);
        Denoiser denoiser = new(model, NoiseSchedule.Cosine());
        model.Network.train();
        SeedStream seeds = new(0);
        TrainingPass pass = new(denoiser, new Objective(), seeds);
        using FlatParameters parameters = new(model.Network);
        using IOptimizer optimizer = Optimizers.AdamW().Create(parameters);
        using EmaWrapper ema = new(parameters);
        using ParameterUpdate update = new(parameters, optimizer, [ema], clip: 1);
        using BatchLoader with = new(images, batch, seeds, device: place);
        using BatchLoader without = new(images, batch, seeds, device: place);
        using NoiseAhead ahead = new(
            new BatchPlan { StepSize = batch, BatchSize = batch }, positions => pass.DrawNoise(positions, images.Shape, place));
        long step = 0;

        double Block(BatchLoader loader, NoiseAhead? noise)
        {
            long began = Stopwatch.GetTimestamp();
            for (int i = 0; i < StepsPerBlock; i++)
            {
                using DisposeScope scope = NewDisposeScope();
                pass.AccumulateStep(loader, noise, parameters, batch, batch, beforeFirst: null, CancellationToken.None);
                update.Apply(++step, learningRate: 1e-4);
            }

            _ = update.GradientNorm.item<float>(); // waits for the device
            return Stopwatch.GetElapsedTime(began).TotalSeconds;
        }

        double[] ratios = new double[pairs];
        double[] seconds = new double[pairs];
        for (int i = -2; i < pairs; i++)
        {
            double[] pair = new double[2];
            foreach (int kind in i % 2 == 0 ? (int[])[0, 1] : [1, 0])
            {
                pair[kind] = kind == 0 ? Block(without, null) : Block(with, ahead);
            }

            if (i >= 0)
            {
                (ratios[i], seconds[i]) = (pair[1] / pair[0], pair[0] / StepsPerBlock);
            }
        }

        double[] sorted = [.. ratios.Order()];
        double ratio = Median.Of(ratios);
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"{device}, {device.CpuThreads} threads; {batch} images of {images.Shape}, {Median.Of(seconds) * 1e3:F1} ms a step; ")
            + string.Create(CultureInfo.InvariantCulture,
                $"quartiles of the ratio {sorted[pairs / 4]:F4} to {sorted[3 * pairs / 4]:F4}"));
        string measured = string.Create(CultureInfo.InvariantCulture, $"noise drawn ahead: {ratio:F4} times the time of a step");
        if (device.Type != DeviceType.CPU)
        {
            return Verdict.Print(measured, $"target: at most {Bar}", ratio <= Bar);
        }

        Console.WriteLine(measured); // a trainer does not draw ahead there
        return 0;
    }
}
