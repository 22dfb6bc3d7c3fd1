using System.CommandLine;
using Diffusion.Data;
using Diffusion.Sampling;
using Diffusion.Training;
using Samples;
using TorchSharp;

namespace Diffusion.Benchmarks;

/// <summary><c>soak</c>: whether long training and repeated sampling leak memory.</summary>
internal static class SoakCommand
{
    private const int Steps = 2000;
    private const int StepsPerSampling = 10;
    private const int StepsPerCollection = 50;
    private const int Window = 200;
    private const double BarMiB = 8;

    public static Command Create()
    {
        Command command = new("soak",
            $"{Steps} training steps and {Steps / StepsPerSampling} sampling calls: live tensors and resident memory.");
        command.SetAction(_ => Run());
        return command;
    }

    private static int Run()
    {
        using DrawnShapes images = DrawnShapes.Create(1000, size: 16);
        using UNet2D unet = new(new UNet2DOptions
        {
            SampleSize = 16,
            BlockOutChannels = [16, 32],
            DownBlockTypes = [DownBlockType.DownBlock2D, DownBlockType.AttnDownBlock2D],
            UpBlockTypes = [UpBlockType.AttnUpBlock2D, UpBlockType.UpBlock2D],
            LayersPerBlock = 1,
            NormNumGroups = 8,
            NumClassEmbeds = images.ClassCount,
        });

        long[] tensors = new long[Steps];
        double[] mebibytes = new double[Steps];
        DdimSampler sampler = new() { Steps = 5 };
        using Trainer trainer = Trainer.For(unet)
            .UseDevice(ComputeDevice.Cpu())
            .UseData(images)
            .AddPreview(1, preview =>
            {
                if (preview.Step % StepsPerSampling == 0)
                {
                    sampler.Sample(preview.EmaDenoiser, count: 4, seed: preview.Step, classLabels: [preview.Step % 2]).Dispose();
                }

                tensors[preview.Step - 1] = torch.Tensor.TotalCount;
                mebibytes[preview.Step - 1] = Environment.WorkingSet / (1024.0 * 1024.0);

                // .NET lets garbage accumulate up to the size of the last-level cache, 80 MiB on some servers. Tensors are counted
                // before the collection, so that undisposed tensors are counted too.
                if (preview.Step % StepsPerCollection == 0)
                {
                    GC.Collect();
                    GC.WaitForPendingFinalizers();
                }

                if (preview.Step % Window == 0)
                {
                    Console.WriteLine(
                        $"Step {preview.Step}: {tensors[preview.Step - 1]} live tensors, {mebibytes[preview.Step - 1]:F1} MiB resident");
                }
            })
            .Configure(o =>
            {
                o.Steps = Steps;
                o.BatchSize = 8;
            })
            .Build();
        trainer.Run();

        double early = Median.Of(mebibytes[Window..(2 * Window)]);
        double late = Median.Of(mebibytes[^Window..]);
        long min = tensors[Window..].Min();
        long max = tensors[Window..].Max();
        return Verdict.Print(
            $"After step {Window}: {min} to {max} live tensors; median resident memory of steps {Window} to {2 * Window} "
                + $"{early:F1} MiB, "
            + $"of the last {Window} {late:F1} MiB",
            $"{max - min} tensors and {late - early:+0.0;-0.0} MiB more; targets: no tensor, {BarMiB:F0} MiB",
            min == max && late - early <= BarMiB);
    }
}
