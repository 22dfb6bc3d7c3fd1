using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using Diffusion.Data;
using Diffusion.Training;
using SkiaSharp;

namespace Diffusion.Benchmarks;

/// <summary><c>streaming</c>: how soon the first batch of a remote shard is ready, and how much memory and disk it needs.</summary>
internal static class StreamingCommand
{
    private const int BatchSize = 64;
    private const int Drawn = 40;
    private const double ServerBytesPerSecond = 10e6;
    private const double BarSeconds = 2;

    public static Command Create()
    {
        Command command = new("streaming",
            "Time to the first shuffled batch of a shard of 200 MB on a local server that sends 10 MB per second.");
        Option<int> megabytes = new("--megabytes") { Description = "The size of the shard. Default 200.", DefaultValueFactory = _ => 200 };
        Option<int[]> kilobytes = new("--image-kilobytes")
        {
            Description = "The size of an image, one case for each. Default 100 and 30.", DefaultValueFactory = _ =>
                [100, 30], AllowMultipleArgumentsPerToken = true,
        };
        command.Add(megabytes);
        command.Add(kilobytes);
        command.SetAction(parsed => Run(parsed.GetRequiredValue(megabytes), parsed.GetRequiredValue(kilobytes)));
        return command;
    }

    private static int Run(int megabytes, int[] kilobytes)
    {
        TorchBackend.EnsureLoaded();
        Console.WriteLine(
            "| image, kB | images | index file | ranges | opened, s | first batch, s | all images, s | requests | peak memory, MB more "
                + "| peak disk, MB | processor, s |");
        Console.WriteLine("| --: | --: | --- | --- | --: | --: | --: | --: | --: | --: | --: |");
        double worst = 0;
        foreach (int size in kilobytes)
        {
            string folder = Directory.CreateTempSubdirectory("diffusion-net-streaming-").FullName;
            try
            {
                Write(folder, megabytes, size);
                Measure(folder, size, hasRanges: true); // warm-up: compiles the code
                worst = Math.Max(worst, Row(folder, size, hasIndex: true, hasRanges: true));
                File.Move(Path.Combine(folder, "shard-000000.tar.index"), Path.Combine(folder, "index"));
                worst = Math.Max(worst, Row(folder, size, hasIndex: false, hasRanges: true));
                Row(folder, size, hasIndex: false, hasRanges: false);
            }
            finally
            {
                Directory.Delete(folder, recursive: true);
            }
        }

        return Verdict.Print(
            string.Create(CultureInfo.InvariantCulture,
                $"first batch of {BatchSize}, shuffled, from a server that supports Range: at most {worst:F2} s"),
            string.Create(CultureInfo.InvariantCulture, $"target: {BarSeconds} s, with and without an index"), worst <= BarSeconds);
    }

    private static double Row(string folder, int kilobytes, bool hasIndex, bool hasRanges)
    {
        Result result = Measure(folder, kilobytes, hasRanges);
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"| {kilobytes} | {result.Images:N0} | {(hasIndex ? "yes" : "no")} | {(hasRanges ? "yes" : "no")} | "
                + $"{result.Opened.TotalSeconds:F2} | {result.First.TotalSeconds:F2} | {result.All.TotalSeconds:F1} | "
                + $"{result.Requests:N0} | {result.Memory / 1e6:F0} | {result.Disk / 1e6:F0} | {result.Processor.TotalSeconds:F1} |"));
        return result.First.TotalSeconds;
    }

    private static Result Measure(string folder, int kilobytes, bool hasRanges)
    {
        string cache = Directory.CreateDirectory(Path.Combine(folder, "cache", Path.GetRandomFileName())).FullName;
        using ThrottledServer server = new(folder, ServerBytesPerSecond, hasRanges);
        using PeakUse peak = new(cache);
        TimeSpan processor = Environment.CpuUsage.TotalTime;
        long began = Stopwatch.GetTimestamp();
        using ShardedImages images = ShardedImages.Open(
            new Uri(server.Address, "shard-000000.tar")
                .ToString(), new ImagePreparation { Size = 32 }, new ShardOptions { CacheFolder = cache });
        TimeSpan opened = Stopwatch.GetElapsedTime(began);
        SeedStream seeds = new(1);
        using BatchLoader loader = new(
            images, new BlockOrder(seeds, images.GroupSizes!), new BatchPlan { StepSize = BatchSize, BatchSize = BatchSize }, seeds);
        loader.Next().Dispose();
        TimeSpan first = Stopwatch.GetElapsedTime(began);
        for (long read = BatchSize; read < images.Count; read += BatchSize)
        {
            loader.Next().Dispose();
        }

        TimeSpan all = Stopwatch.GetElapsedTime(began);
        return new Result(images.Count, opened, first, all, server.Requests, peak.Memory, peak.Disk,
            Environment.CpuUsage.TotalTime - processor);
    }

    // PNG of noise, which does not compress: three bytes per pixel.
    private static void Write(string folder, int megabytes, int kilobytes)
    {
        byte[][] drawn = [.. Enumerable.Range(0, Drawn).Select(number => Noise(number, (int)Math.Sqrt(kilobytes * 1000 / 3)))];
        using ShardWriter writer = new(folder, "shard", int.MaxValue, long.MaxValue);
        long bytes = 0;
        for (int number = 0; bytes < megabytes * 1_000_000L; number++)
        {
            writer.Write($"{number:D6}", new Dictionary<string,
                byte[]>(StringComparer.Ordinal) { ["png"] = drawn[number % Drawn], ["cls"] = [(byte)('0' + (number % 10))] });
            bytes += drawn[number % Drawn].Length + 2048;
        }

        writer.Finish();
    }

    private static byte[] Noise(int number, int side)
    {
        SeedStream draws = new(number);
        using SKBitmap bitmap = new(new SKImageInfo(side, side, SKColorType.Rgba8888, SKAlphaType.Opaque));
        Span<byte> pixels = bitmap.GetPixelSpan();
        for (int i = 0; i < pixels.Length; i++)
        {
            pixels[i] = i % 4 == 3 ? (byte)255 : (byte)draws.Derive(RandomPurpose.Drawing, i);
        }

        using SKData png = bitmap.Encode(SKEncodedImageFormat.Png, 100);
        return png.ToArray();
    }

    private sealed record Result(
        long Images, TimeSpan Opened, TimeSpan First, TimeSpan All, long Requests, long Memory, long Disk, TimeSpan Processor);
}
