using System.CommandLine;
using System.Globalization;
using Diffusion.Data;
using Diffusion.Training;
using TorchSharp;

namespace Diffusion.Benchmarks;

/// <summary><c>loading</c>: images per second of every kind of source, compared with a bare loop and TorchSharp's loader.</summary>
internal static class LoadingCommand
{
    private const double BarOfOneWorker = 0.9;
    private const double BarOfTwoWorkers = 1.8;
    private const double BarOfBytes = 1000;
    private const double BarOfWaiting = 0.01;

    public static Command Create()
    {
        Command command = new("loading", "Images per second from folders, shards and Parquet, and the cost of loading in a training step.");
        Option<string> only = new("--only") { Description = "Measures only the rows whose name contains this.",
            DefaultValueFactory = _ => string.Empty };
        command.Add(only);
        command.SetAction(parsed => Run(parsed.GetRequiredValue(only)));
        return command;
    }

    private static int Run(string only)
    {
        TorchBackend.EnsureLoaded();
        using LoadingSets sets = LoadingSets.Create();
        Console.WriteLine($"JPEG by {ImageCodec.JpegCodec}; batches of 32; medians of rounds that take turns");
        Console.WriteLine();
        Console.WriteLine(
            "| images | bare loop, images/s | 1 worker | 2 workers | TorchSharp 1 | TorchSharp 2 | bytes per image | 1 worker / bare | 2 "
                + "workers / 1 | 2 bare loops / 1 |");
        Console.WriteLine("| --- | --: | --: | --: | --: | --: | --: | --: | --: | --: |");
        bool passed = true;
        foreach (LoadingCase measured in sets.Cases.Where(measured => measured.Name.Contains(only, StringComparison.OrdinalIgnoreCase)))
        {
            torch.set_num_threads(1);
            using LoadingRates rates = new(measured.Open());
            LoadingRates.Row row = rates.Measure();
            passed &= row.OneToBare >= BarOfOneWorker && row.TwoToOne >= BarOfTwoWorkers && row.BytesPerImage < BarOfBytes;
            Console.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"| {measured.Name} | {row.Bare:N0} | {row.OneWorker:N0} | {row.TwoWorkers:N0} | {row.TorchOne:N0} | {row.TorchTwo:N0} | "
                    + $"{row.BytesPerImage:N0} | {row.OneToBare:F2} | {row.TwoToOne:F2} | {row.TwoBareToBare:F2} |"));
        }

        Console.WriteLine();
        int rating = Verdict.Print(
            "Rates of the loader",
            string.Create(CultureInfo.InvariantCulture,
                $"targets: one worker at least {BarOfOneWorker} of the bare loop, two at least {BarOfTwoWorkers} times one, under "
                    + $"{BarOfBytes} bytes per image"),
            passed);
        PrintTransforms(sets);
        WaitingShare.Result cost = WaitingShare.Measure(size => sets.OpenPhotos(size));
        int waiting = Verdict.Print(
            $"A step of {cost.Step.TotalMilliseconds:F0} ms whose loading takes {cost.LoaderShare:P0} of that time on the other core: "
                + $"{cost.Slower:P1} slower than from memory",
            $"{cost.Waited:P2} of the step is spent waiting for images; target: below {BarOfWaiting:P0}",
            cost.Waited < BarOfWaiting);
        return Math.Max(rating, waiting);
    }

    private static void PrintTransforms(LoadingSets sets)
    {
        const int Size = 64;
        using IImageSource files = sets.OpenPhotos(Size);
        using IImageSource changedFiles = sets.OpenPhotos(Size, TransformCost.Transforms);
        using IImageSource memory = InMemoryImages.Load(sets.OpenPhotos(Size));
        using IImageSource changedMemory = InMemoryImages.Load(sets.OpenPhotos(Size)).With(TransformCost.Transforms);
        Console.WriteLine($"With {string.Join(", ", TransformCost.Transforms.Select(transform => transform.ToString()))}, one worker:");
        foreach ((string name, IImageSource plain, IImageSource changed) in new[] { ("drawn JPEG, 256 px to 64", files, changedFiles),
            ("from memory, 64 px", memory, changedMemory) })
        {
            TransformCost.Result cost = TransformCost.Measure(plain, changed);
            Console.WriteLine(string.Create(
                CultureInfo.InvariantCulture, $"{name}: {cost.Transformed:N0} images/s for {cost.Plain:N0} without, {cost.Ratio:P0}"));
        }

        Console.WriteLine();
    }
}
