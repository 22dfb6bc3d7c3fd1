using System.CommandLine;
using Diffusion.Data;
using Diffusion.Sampling;
using Diffusion.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Benchmarks;

/// <summary>
/// <c>quality</c>: trains on MNIST for a given time, and evaluates samples with a classifier. Every part is stored in the run folder, so
/// the same command resumes where it was interrupted.
/// </summary>
internal static class QualityCommand
{
    private const int SamplingBatch = 50;
    private const int GridImages = 100;
    private const long SamplingSeed = 7;

    private sealed record Choices(double Minutes, int Samples, string Run, string Docs, bool SkipTraining);

    public static Command Create()
    {
        Option<double> minutes = new("--minutes") { Description = "How long to train.", DefaultValueFactory = _ => 20 };
        Option<int> samples = new("--samples") { Description = "Images of each DDIM row, at least 8; DDPM rows have a quarter.",
            DefaultValueFactory = _ => 2000 };
        Option<string> run = new("--run") { Description = "The folder of the run.", DefaultValueFactory = _ => "runs/quality" };
        Option<string> docs = new("--docs") { Description = "Where quality.md and images/ are written.",
            DefaultValueFactory = _ => "docs" };
        Option<bool> skip = new("--skip-training") { Description = "Evaluates the run's last checkpoint without training." };
        Command command = new("quality",
            "Trains on MNIST, samples, and writes docs/quality.md. Needs MNIST in the folder DIFFUSION_DATA/mnist.")
        {
            minutes, samples, run, docs, skip,
        };
        command.SetAction(arguments => Run(new Choices(
            arguments.GetValue(minutes),
            arguments.GetValue(samples),
            arguments.GetValue(run)!,
            arguments.GetValue(docs)!,
            arguments.GetValue(skip))));
        return command;
    }

    private static int Run(Choices choices)
    {
        string? data = Environment.GetEnvironmentVariable("DIFFUSION_DATA") is { } folder ? Path.Combine(folder, "mnist") : null;
        if (!Directory.Exists(data))
        {
            Console.WriteLine($"SKIPPED: DIFFUSION_DATA is not set to a folder that contains mnist ({data ?? "it is not set"}).");
            return 0;
        }

        ComputeDevice device = ComputeDevice.Cpu();
        device.Activate();
        using IImageSource train = IdxImages.OpenFolder(data);
        using IImageSource test = IdxImages.OpenFolder(data, "t10k");
        QualityRun run = new(choices.Run);

        FrechetDistance.CheckItself();
        using FeatureClassifier classifier = FeatureClassifier.LoadOrTrain(run.ClassifierFile, train, test, epochs: 3, minAccuracy: 0.98);

        run.Plan ??= QualityTraining.Plan(choices.Minutes, train, device);
        using UNet2D unet = QualityTraining.CreateModel();
        using Trainer trainer = QualityTraining.Create(unet, train, device, run);
        TrainingResult result = trainer.Run(new CancellationToken(canceled: choices.SkipTraining));
        if (result.Step == 0)
        {
            Console.WriteLine($"FAIL: '{run.Folder}' contains no checkpoint to evaluate. Remove --skip-training.");
            return 1;
        }

        using Tensor real = Read(train, [.. Enumerable.Range(0, (int)train.Count).Select(i => (long)i)]);
        using ImageJudge judge = new(classifier, real);
        QualityReport report = new(classifier.Accuracy, run.Plan, result, Measure(choices, run, result, judge, test));
        SaveGrids(choices.Docs, result, test);
        report.Save(choices.Docs);
        Console.WriteLine($"Wrote {Path.Combine(choices.Docs, QualityReport.FileName)}.");
        return 0;
    }

    private static IReadOnlyList<QualityRow> Measure(Choices choices, QualityRun run, TrainingResult result, ImageJudge judge,
        IImageSource test)
    {
        int many = choices.Samples;
        int few = many / 4;
        (string, int, Func<int, Tensor>)[] sets =
        [
            .. new[] { many, few }.SelectMany(count => new (string, int, Func<int, Tensor>)[]
            {
                ("real test images", count, n => Read(test, RealIndices(test, n))),
                ("Gaussian noise", count, n => Noise(n)),
            }),
            .. new[] { ("averaged weights", result.EmaDenoiser),
                ("raw weights", result.RawDenoiser) }.SelectMany(model => new (string, int, Func<int, Tensor>)[]
            {
                ($"{model.Item1}, DDIM 10", many, n => Sample(new DdimSampler { Steps = 10 }, model.Item2, n)),
                ($"{model.Item1}, DDIM 20", many, n => Sample(new DdimSampler { Steps = 20 }, model.Item2, n)),
                ($"{model.Item1}, DDIM 50", many, n => Sample(new DdimSampler { Steps = 50 }, model.Item2, n)),
                ($"{model.Item1}, DDPM {model.Item2.Schedule.LastTime + 1}", few, n => Sample(new DdpmSampler(), model.Item2, n)),
            }),
        ];

        List<QualityRow> rows = [];
        foreach ((string name, int count, Func<int, Tensor> make) in sets)
        {
            QualityRow row = run.Row(result.Step, name, count, () =>
            {
                Console.WriteLine($"{name}, {count} images");
                using Tensor images = make(count);
                return judge.Measure(name, images);
            });
            Console.WriteLine(
                $"  {row.Confidence:F3} confidence, {row.Confident:P1} above 0.9, {row.Balance:F3} balance, {row.Distance:F2} distance");
            rows.Add(row);
        }

        return rows;
    }

    private static Tensor Sample(ISampler sampler, Denoiser denoiser, int count) => sampler.Sample(
        denoiser, new SampleRequest { Count = count, Seed = SamplingSeed, BatchSize = SamplingBatch }, new SamplingReporter());

    private static Tensor Noise(int count)
    {
        long[] indices = [.. Enumerable.Range(0, count).Select(i => (long)i)];
        using Tensor noise = NormalNoise.Draw(new SeedStream(SamplingSeed), RandomPurpose.Noise, indices, ImageShape.Square(28, 1));
        return noise.clamp(-1, 1); // [N, 1, 28, 28]
    }

    private static long[] RealIndices(IImageSource images, int count)
    {
        SampleOrder order = new(new SeedStream(SamplingSeed), images.Count);
        return [.. Enumerable.Range(0, count).Select(i => order.IndexAt(i))];
    }

    private static Tensor Read(IImageSource images, long[] indices)
    {
        using ImageBatch batch = new BatchReader(images).Read(indices);
        return batch.Pixels.alias(); // [N, 1, 28, 28]
    }

    private static void SaveGrids(string docs, TrainingResult result, IImageSource test)
    {
        using Tensor samples = Sample(new DdimSampler { Steps = 50 }, result.EmaDenoiser, GridImages);
        ImageGrid.Save(samples, Path.Combine(docs, QualityReport.SamplesImage));
        using Tensor real = Read(test, RealIndices(test, GridImages));
        ImageGrid.Save(real, Path.Combine(docs, QualityReport.RealImage));
    }
}
