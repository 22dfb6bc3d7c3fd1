using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using Diffusion.Sampling;
using TorchSharp;

namespace Diffusion.Benchmarks;

/// <summary><c>serving</c>: the web sample under load from this process.</summary>
internal static class ServingCommand
{
    private const int Concurrent = 200;
    private const int AtATime = 16;
    private const int MaxDifference = 1;
    private const double MaxDifferingShare = 0.001;
    private const double MaxGrowth = 0.05;
    private const int Quarters = 4;
    private const double MaxShutdownSeconds = 20; // HostOptions.ShutdownTimeout of the sample

    public static Command Create()
    {
        Option<string> web = new("--web") { Description = "WebApi.dll, built.", Required = true };
        Option<int> requests = new("--requests") { Description = "The requests of the memory test.", DefaultValueFactory = _ => 2000 };
        Command command = new("serving",
            "Sends hundreds of requests to samples/WebApi while it trains: none may be lost or wrong, and its memory must not grow.")
        {
            web, requests,
        };
        command.SetAction(arguments => Run(arguments.GetValue(web)!, arguments.GetValue(requests)));
        return command;
    }

    private static int Run(string web, int requests)
    {
        DirectoryInfo folder = Directory.CreateTempSubdirectory("diffusion-serving-");
        List<string> failures = [];
        try
        {
            using WebServer server = WebServer.Start(web, folder.FullName);
            server.Train(steps: 50);
            server.WaitForEnd();

            Say($"{Concurrent} requests at once, without training");
            byte[][] alone = [.. Enumerable.Range(0, Concurrent).Select(seed => server.Picture(seed).Png!)];
            Compare(alone, All(server, failures), failures);

            Say($"{Concurrent} requests at once, while it trains");
            server.Train(steps: 1_000_000);
            All(server, failures);

            Say($"{requests} requests, {AtATime} at a time, while it trains");
            CheckMemory(server, requests, failures);
            (int code, double seconds) = server.Terminate();
            Say($"shutdown: exit code {code} after {seconds:F1} s");
            AddIf(code != 0 || seconds > MaxShutdownSeconds, failures, "The shutdown failed or took too long.");
            using (TrainedModel saved = TrainedModel.Open(Path.Combine(folder.FullName, "runs", "web")))
            {
                Say($"saved at step {saved.Step}");
                AddIf(saved.Step <= 50, failures, "The shutdown did not save the run.");
                PrintThroughput(saved.Denoiser);
            }

            return Verdict.Print("the web sample under load", failures, "failures");
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    // Clients repeat a refused request, as the answer tells them.
    private static byte[][] All(WebServer server, List<string> failures)
    {
        int refused = 0;
        double slowestRefusal = 0;
        byte[][] pictures = new byte[Concurrent][];
        Thread[] clients =
        [
            .. Enumerable.Range(0, Concurrent).Select(seed => new Thread(() =>
            {
                WebAnswer answer = server.Picture(seed);
                while (answer.RetryAfter is { } wait)
                {
                    lock (pictures)
                    {
                        refused++;
                        slowestRefusal = Math.Max(slowestRefusal, answer.Seconds);
                    }

                    Thread.Sleep(wait);
                    answer = server.Picture(seed);
                }

                pictures[seed] = answer.Png ?? [];
            })),
        ];
        Array.ForEach(clients, client => client.Start());
        Array.ForEach(clients, client => client.Join());
        int lost = pictures.Count(picture => picture.Length == 0);
        Say($"  answered {Concurrent - lost}; {refused} refusals, the slowest after {slowestRefusal * 1000:F0} ms");
        AddIf(lost > 0, failures, $"{lost} requests were lost.");
        return pictures;
    }

    private static void Compare(byte[][] alone, byte[][] together, List<string> failures)
    {
        int[][] differences =
        [
            .. alone.Zip(together, (first, second) => Pixels(first).Zip(Pixels(second), (one, other) => Math.Abs(one - other)).ToArray()),
        ];
        int max = differences.Max(picture => picture.Max());
        double share = differences.Average(picture => picture.Average(difference => difference > 0 ? 1.0 : 0));
        int worst = differences.Max(picture => picture.Count(difference => difference > 0));
        Say($"  against the pictures one by one: largest difference {max} of 255, in {share:P3} of the places");
        Say($"  most places in one picture: {worst} of {differences[0].Length}");
        AddIf(max > MaxDifference || share > MaxDifferingShare, failures, "Pictures differ from those that were made one by one.");
    }

    private static void CheckMemory(WebServer server, int requests, List<string> failures)
    {
        List<long> memory = [];
        int next = 0;
        int lost = 0;
        for (int part = 0; part <= Quarters; part++)
        {
            int end = requests + (part * requests / Quarters); // as many requests first, until the allocators have what they need
            Thread[] clients =
            [
                .. Enumerable.Range(0, AtATime).Select(_ => new Thread(() =>
                {
                    for (int seed = Interlocked.Increment(ref next); seed <= end; seed = Interlocked.Increment(ref next))
                    {
                        if (server.Picture(seed).Png is null)
                        {
                            Interlocked.Increment(ref lost);
                        }
                    }
                })),
            ];
            Array.ForEach(clients, client => client.Start());
            Array.ForEach(clients, client => client.Join());
            next = end;
            memory.Add(server.ResidentBytes);
            Say($"  after {(part == 0 ? $"{end} requests to warm up" : $"{end - requests} more")}: {memory[^1] / 1048576.0:F0} MiB");
        }

        double growth = ((double)memory[^1] / memory[0]) - 1;
        Say($"  growth over these requests: {growth:P1}");
        AddIf(growth > MaxGrowth, failures, $"The memory grew by more than {MaxGrowth:P0}.");
        AddIf(lost > 0, failures, $"{lost} of {2 * requests} requests were lost.");
    }

    private static void PrintThroughput(Denoiser denoiser)
    {
        HeunSampler sampler = new() { Steps = 10 };
        double one = 0;
        foreach (int together in (int[])[1, 2, 4, 8, 16])
        {
            SampleRequest[] requests =
            [
                .. Enumerable.Range(0, together).Select(seed => new SampleRequest { Count = 1, Seed = seed, ClassLabels = [0] }),
            ];
            double seconds = Median.Of(Enumerable.Range(0, 9).Select(_ =>
            {
                long began = Stopwatch.GetTimestamp();
                foreach (torch.Tensor image in sampler.SampleTogether(denoiser, requests))
                {
                    image.Dispose();
                }

                return Stopwatch.GetElapsedTime(began).TotalSeconds;
            }).Skip(2));
            one = together == 1 ? 1 / seconds : one;
            Say($"{together,2} requests in a pass: {together / seconds:F1} images/s, {together / seconds / one:F2} times one");
        }
    }

    private static byte[] Pixels(byte[] png) => ImageCodec.Decode(new MemoryStream(png), "picture", new ImageDecoding()).Pixels;

    private static void AddIf(bool failed, List<string> failures, string text)
    {
        if (failed)
        {
            failures.Add(text);
        }
    }

    private static void Say(FormattableString text) => Console.WriteLine(text.ToString(CultureInfo.InvariantCulture));
}
