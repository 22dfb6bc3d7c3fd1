using System.Diagnostics;
using System.Globalization;
using System.Net;

namespace Diffusion.Benchmarks;

/// <summary>The process of samples/WebApi, and requests to it.</summary>
internal sealed class WebServer : IDisposable
{
    private const string Sign = "Now listening on: ";

    private readonly Process process;
    private readonly HttpClient client;

    private WebServer(Process process, string address)
    {
        this.process = process;
        client = new HttpClient { BaseAddress = new Uri(address), Timeout = TimeSpan.FromMinutes(10) };
    }

    /// <summary>The resident memory of the process in bytes.</summary>
    public long ResidentBytes
    {
        get
        {
            process.Refresh();
            return process.WorkingSet64;
        }
    }

    /// <summary>Starts it on any free port.</summary>
    public static WebServer Start(string assembly, string folder)
    {
        ProcessStartInfo start = new("dotnet",
        [
            assembly, "--urls", "http://127.0.0.1:0", "--Shapes:Device", "cpu",
            "--Logging:LogLevel:Default", "Warning", "--Logging:LogLevel:Microsoft.Hosting.Lifetime", "Information",
        ])
        {
            RedirectStandardOutput = true, WorkingDirectory = folder,
        };
        Process process = Process.Start(start)!;
        while (process.StandardOutput.ReadLine() is { } line)
        {
            if (line.IndexOf(Sign, StringComparison.Ordinal) is >= 0 and int at)
            {
                _ = process.StandardOutput.ReadToEndAsync(); // a full pipe would stop the process
                return new WebServer(process, line[(at + Sign.Length)..].Trim());
            }
        }

        throw new InvalidOperationException("The web sample ended before it listened.");
    }

    /// <summary>Starts the run, or resumes it.</summary>
    public void Train(int steps)
    {
        using HttpResponseMessage answer = client.PostAsync(
            string.Create(CultureInfo.InvariantCulture, $"/run?steps={steps}"), content: null).Result;
        answer.EnsureSuccessStatusCode();
    }

    /// <summary>Waits until the run ends.</summary>
    public void WaitForEnd() => client.GetStringAsync("/run/progress").Wait();

    /// <summary>Asks for a picture.</summary>
    public WebAnswer Picture(int seed)
    {
        long began = Stopwatch.GetTimestamp();
        using HttpResponseMessage answer = client.GetAsync(
            string.Create(CultureInfo.InvariantCulture, $"/pictures/{seed}?shape={seed % 3}")).Result;
        byte[] content = answer.Content.ReadAsByteArrayAsync().Result;
        return new WebAnswer(
            answer.StatusCode == HttpStatusCode.OK ? content : null,
            answer.StatusCode == HttpStatusCode.TooManyRequests ? answer.Headers.RetryAfter!.Delta : null,
            Stopwatch.GetElapsedTime(began).TotalSeconds);
    }

    /// <summary>Sends SIGTERM and waits for the end.</summary>
    /// <returns>The exit code, and the time in seconds.</returns>
    public (int ExitCode, double Seconds) Terminate()
    {
        long began = Stopwatch.GetTimestamp();
        using Process kill = Process.Start("kill", ["-TERM", process.Id.ToString(CultureInfo.InvariantCulture)]);
        process.WaitForExit();
        return (process.ExitCode, Stopwatch.GetElapsedTime(began).TotalSeconds);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (!process.HasExited)
        {
            process.Kill();
        }

        process.Dispose();
        client.Dispose();
    }
}
