using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Text.Json;
using Diffusion.Sampling;
using Diffusion.TestKit;
using Diffusion.Training;
using TorchSharp;

namespace Diffusion.EndToEnd.Tests.WebApi;

/// <summary>The sample on its real server: a run, its progress and pictures at once, and a shutdown in the middle of training.</summary>
public sealed class WebApiTests : IDisposable
{
    private const int ShutdownSeconds = 20; // as in its appsettings.json

    private static readonly string Program = Path.Combine(
        BuildFacts.Repository, "samples", "WebApi", "bin", BuildFacts.Configuration, "net10.0", "WebApi");

    private readonly TemporaryFolder folder = new();

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public void Dispose() => folder.Dispose();

    [Fact]
    public async Task A_run_is_started_followed_sampled_and_saved_by_a_shutdown()
    {
        using Process process = Start();
        try
        {
            using HttpClient client = new() { BaseAddress = await ChildProcess.ListeningAddress(process) };
            Task<string> rest = process.StandardOutput.ReadToEndAsync(Token);
            (await client.GetAsync("/pictures/1", Token)).StatusCode.Should().Be(HttpStatusCode.NotFound, "nothing is trained yet");
            (await client.PostAsync("/run?steps=0", content: null, Token)).StatusCode.Should().Be(HttpStatusCode.BadRequest);
            using (CheckpointStore other = new(folder.File("runs", "web", "checkpoints")))
            {
                other.Lock();
                HttpResponseMessage inUse = await client.PostAsync("/run", content: null, Token);
                inUse.StatusCode.Should().Be(HttpStatusCode.Conflict);
                (await inUse.Content.ReadAsStringAsync(Token)).Should().Contain("belong to another trainer");
            }

            (await client.PostAsync("/run?steps=1000000", content: null, Token)).StatusCode.Should().Be(HttpStatusCode.Accepted);
            (await client.PostAsync("/run", content: null, Token)).StatusCode.Should().Be(HttpStatusCode.Conflict);

            TaskCompletionSource reported = new(TaskCreationOptions.RunContinuationsAsynchronously);
            Task<IReadOnlyList<long>> progress = Follow(client, reported.SetResult);
            HttpResponseMessage[] pictures = await Task.WhenAll(
                Enumerable.Range(0, 24).Select(seed => client.GetAsync($"/pictures/{seed}?shape={seed % 3}", Token)));
            foreach (HttpResponseMessage picture in pictures)
            {
                picture.StatusCode.Should().Be(HttpStatusCode.OK);
                ImageCodec.Decode(await picture.Content.ReadAsStreamAsync(Token), "picture", new ImageDecoding()).Width.Should().Be(32);
                picture.Dispose();
            }

            (await client.GetStringAsync("/health", Token)).Should().BeOneOf("Healthy", "Degraded");
            await reported.Task.WaitAsync(Token);
            (await client.DeleteAsync("/run", Token)).StatusCode.Should().Be(HttpStatusCode.OK);
            (await progress).Should().NotBeEmpty().And.BeInAscendingOrder();
            await PicturesEqualThoseOfTheRun(client);

            (await client.PostAsync("/run?steps=1000000", content: null, Token)).StatusCode.Should().Be(HttpStatusCode.Accepted);
            Task<IReadOnlyList<long>> last = Follow(client);
            string id = process.Id.ToString(CultureInfo.InvariantCulture);
            (await ChildProcess.Run("kill", ["-TERM", id])).ExitCode.Should().Be(0);
            using CancellationTokenSource limit = CancellationTokenSource.CreateLinkedTokenSource(Token);
            limit.CancelAfter(TimeSpan.FromSeconds(ShutdownSeconds));
            await process.WaitForExitAsync(limit.Token);

            process.ExitCode.Should().Be(0, await rest);
            (await rest).Should().NotContain("did not end within");
            using TrainedModel saved = TrainedModel.Open(folder.File("runs", "web"));
            saved.Step.Should().BeGreaterThanOrEqualTo((await last).LastOrDefault(), "the shutdown saved the run");
        }
        finally
        {
            if (!process.HasExited)
            {
                process.Kill();
            }
        }
    }

    private async Task PicturesEqualThoseOfTheRun(HttpClient client)
    {
        using TrainedModel model = TrainedModel.Open(folder.File("runs", "web"));
        byte[][] served = await Task.WhenAll(
            Enumerable.Range(0, 8).Select(seed => client.GetByteArrayAsync($"/pictures/{seed}?shape={seed % 3}", Token)));
        for (int seed = 0; seed < served.Length; seed++)
        {
            using torch.Tensor images = new HeunSampler { Steps = 10 }.Sample(
                model.Denoiser, count: 1, seed, classLabels: [seed % 3], cancellationToken: Token);
            byte[] expected = DecodedImage.FromTensor(images).Pixels;
            byte[] actual = ImageCodec.Decode(new MemoryStream(served[seed]), "picture", new ImageDecoding()).Pixels;
            int[] differences = [.. expected.Zip(actual, (a, b) => Math.Abs(a - b))];
            differences.Max().Should().BeLessThanOrEqualTo(1);
            differences.Count(difference => difference > 0).Should().BeLessThanOrEqualTo(differences.Length / 1000);
        }
    }

    // The steps of all reports until the run ends.
    private static async Task<IReadOnlyList<long>> Follow(HttpClient client, Action? onFirst = null)
    {
        List<long> steps = [];
        await using Stream events = await client.GetStreamAsync("/run/progress", Token);
        using StreamReader lines = new(events);
        while (await lines.ReadLineAsync(Token) is { } line)
        {
            if (line.StartsWith("data: ", StringComparison.Ordinal))
            {
                using JsonDocument report = JsonDocument.Parse(line[6..]);
                steps.Add(report.RootElement.GetProperty("step").GetInt64());
                if (steps.Count == 1)
                {
                    onFirst?.Invoke();
                }
            }
        }

        return steps;
    }

    private Process Start() => ChildProcess.StartObeyingSignals(
        Program,
        [
            "--urls", "http://127.0.0.1:0", "--Shapes:Device", "cpu", "--Shapes:ImageSize", "32", "--Shapes:Training:BatchSize", "8",
            "--Logging:LogLevel:Microsoft.Hosting.Lifetime", "Information",
        ],
        folder.Path);
}
