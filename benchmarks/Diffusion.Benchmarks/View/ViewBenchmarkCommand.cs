using System.CommandLine;
using System.Diagnostics;
using System.Globalization;

namespace Diffusion.Benchmarks;

/// <summary><c>view</c>: how soon <c>diffusion view</c> shows long runs, and a new report.</summary>
internal static class ViewBenchmarkCommand
{
    private const double MaxSeconds = 1;
    private const int Blocks = 30;

    public static Command Create()
    {
        Option<string> tool = new("--tool") { Description = "Diffusion.Tool.dll, built.", Required = true };
        Option<int> runs = new("--runs") { Description = "The number of runs.", DefaultValueFactory = _ => 10 };
        Option<int> reports = new("--reports") { Description = "The number of reports of each run.", DefaultValueFactory = _ => 100_000 };
        Command command = new("view", "Times the pages of diffusion view for long runs. The first page must come within a second.")
        {
            tool, runs, reports,
        };
        command.SetAction(arguments => Run(arguments.GetValue(tool)!, arguments.GetValue(runs), arguments.GetValue(reports)));
        return command;
    }

    private static int Run(string tool, int runs, int reports)
    {
        DirectoryInfo folder = Directory.CreateTempSubdirectory("diffusion-view-");
        try
        {
            long bytes = Enumerable.Range(0, runs).Sum(run => WriteRun(Path.Combine(folder.FullName, $"run-{run}"), run, reports));
            double size = bytes / 1048576.0;
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{runs} runs of {reports:N0} reports, {size:N0} MiB"));
            ProcessStartInfo start = new("dotnet", [tool, "view", folder.FullName, "--port", "0"]) { RedirectStandardOutput = true };
            using Process server = Process.Start(start)!;
            try
            {
                return Measure(server.StandardOutput.ReadLine()!.Split(' ')[0], Path.Combine(folder.FullName, "run-0"), reports);
            }
            finally
            {
                server.Kill();
                server.WaitForExit();
            }
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    private static int Measure(string address, string run, int reports)
    {
        using HttpClient client = new() { BaseAddress = new Uri(address), Timeout = TimeSpan.FromMinutes(5) };
        double first = Seconds("first page", () => client.GetStringAsync("/").Result);
        Seconds("first page again", () => client.GetStringAsync("/").Result);
        Seconds("comparison of the losses, the first time", () => client.GetByteArrayAsync("/compare.png").Result);
        Seconds("comparison of the losses, again", () => client.GetByteArrayAsync("/compare.png").Result);
        Seconds("page of a run", () => client.GetStringAsync("/run/run-0").Result);
        Seconds("plot of a run", () => client.GetByteArrayAsync("/run/run-0/loss.png").Result);
        string before = client.GetStringAsync("/state?run=run-0").Result;
        File.AppendAllText(Path.Combine(run, "metrics.jsonl"), Line(0, reports + 1, reports));
        bool isLive = client.GetStringAsync("/state?run=run-0").Result != before
            && client.GetStringAsync("/run/run-0").Result.Contains(
                (10L * (reports + 1)).ToString("N0", CultureInfo.InvariantCulture), StringComparison.Ordinal);
        Console.WriteLine($"a new report is {(isLive ? "seen" : "not seen")} at the next request");
        return Verdict.Print(
            string.Create(CultureInfo.InvariantCulture, $"first page {first:F3} s"),
            string.Create(CultureInfo.InvariantCulture, $"at most {MaxSeconds} s, and a new report is seen"),
            first <= MaxSeconds && isLive);
    }

    private static double Seconds<T>(string what, Func<T> get)
    {
        long began = Stopwatch.GetTimestamp();
        get();
        double seconds = Stopwatch.GetElapsedTime(began).TotalSeconds;
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{what,-45} {seconds:F3} s"));
        return seconds;
    }

    private static long WriteRun(string folder, int run, int reports)
    {
        Directory.CreateDirectory(folder);
        string path = Path.Combine(folder, "metrics.jsonl");
        using (StreamWriter writer = new(path))
        {
            for (int report = 1; report <= reports; report++)
            {
                writer.Write(Line(run, report, reports));
            }
        }

        return new FileInfo(path).Length;
    }

    // As a run with a network of 30 blocks writes it.
    private static string Line(int run, int report, int reports)
    {
        string blocks = string.Join(',', Enumerable.Range(0, Blocks).Select(block => $"\"up_blocks.{block}.resnets\":0.00123456789"));
        double loss = (0.05 + Math.Exp(-report / 5000.0)) * (1 + (0.1 * Math.Sin((97 * report) + run)));
        string heldOut = report % 100 == 0 ? loss.ToString("R", CultureInfo.InvariantCulture) : "null";
        return string.Create(
            CultureInfo.InvariantCulture,
            $"{{\"step\":{10L * report},\"steps\":{10L * reports},\"imagesSeen\":{320L * report},\"loss\":{loss:R},"
                + $"\"gradientsByBlock\":{{{blocks}}},"
                + $"\"findings\":[],\"meanGradientNorm\":0.5,\"maxGradientNorm\":1.5,\"learningRate\":0.0002,\"imagesPerSecond\":100,"
                + $"\"elapsed\":\"01:00:00\",\"remaining\":\"01:00:00\",\"heldOutLoss\":{heldOut}}}\n");
    }
}
