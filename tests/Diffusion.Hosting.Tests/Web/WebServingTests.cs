using System.Net;
using Diffusion.Sampling;
using Diffusion.TestKit;
using Diffusion.Training;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using TorchSharp;
using WebApplication = Microsoft.AspNetCore.Builder.WebApplication;

namespace Diffusion.Hosting.Tests.Web;

/// <summary>A web application on a real server that trains and samples at once.</summary>
public sealed class WebServingTests : IDisposable
{
    private readonly TemporaryFolder folder = new();
    private readonly string model;
    private int passes;

    public WebServingTests() => model = SmallRuns.WriteModel(folder);

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public void Dispose() => folder.Dispose();

    [Fact]
    public async Task Concurrent_pictures_during_a_run_are_all_answered_and_equal_those_sampled_alone()
    {
        const int pictures = 40;
        byte[][] alone = [.. Enumerable.Range(0, pictures).Select(Serial)];
        await using WebApplication app = await Start(capacity: pictures);
        using HttpClient client = ClientOf(app);
        HostedTraining run = app.Services.GetRequiredKeyedService<HostedTraining>("stripes");
        await using (IAsyncEnumerator<TrainingProgress> reports = run.ReadProgressAsync(Token).GetAsyncEnumerator(Token))
        {
            (await reports.MoveNextAsync()).Should().BeTrue("the run is running");
        }

        byte[][] served = await Task.WhenAll(Enumerable.Range(0, pictures).Select(seed =>
            client.GetByteArrayAsync($"/pictures/{seed}", Token)));

        run.Status.Should().Be(HostedTrainingStatus.Running, "the pictures were sampled during the run");
        foreach ((byte[] expected, byte[] png) in alone.Zip(served))
        {
            DecodedImage picture = ImageCodec.Decode(new MemoryStream(png), "picture", new ImageDecoding());
            (int max, double fraction) = SmallRuns.Difference(expected, picture.Pixels);
            max.Should().BeLessThanOrEqualTo(1);
            fraction.Should().BeLessThanOrEqualTo(0.001);
        }

        await app.StopAsync(Token);
        run.StopReason.Should().Be(StopReason.Canceled);
        using TrainedModel saved = TrainedModel.Open(folder.File("run", "x")[..^2], network: () => new TinyModel());
        saved.Step.Should().BeGreaterThan(0);
    }

    [Fact]
    public async Task A_full_queue_answers_429_and_the_others_get_their_pictures()
    {
        using ManualResetEventSlim gate = new(initialState: false);
        await using WebApplication app = await Start(capacity: 3, gate);
        using HttpClient client = ClientOf(app);
        HostedSampler sampler = app.Services.GetRequiredKeyedService<HostedSampler>("small");
        List<Task<HttpResponseMessage>> waiting = [client.GetAsync("/pictures/0", Token)];
        SpinWait.SpinUntil(() => waiting[0].IsCompleted || Volatile.Read(ref passes) == 1);
        waiting.AddRange(Enumerable.Range(1, 3).Select(seed => client.GetAsync($"/pictures/{seed}", Token)));
        SpinWait.SpinUntil(() => sampler.QueueLength == 3);

        using HttpResponseMessage refused = await client.GetAsync("/pictures/9", Token);
        gate.Set();
        HttpResponseMessage[] answered = await Task.WhenAll(waiting);

        refused.StatusCode.Should().Be(HttpStatusCode.TooManyRequests);
        answered.Should().OnlyContain(response => response.StatusCode == HttpStatusCode.OK);
        Array.ForEach(answered, response => response.Dispose());
        await app.StopAsync(Token);
    }

    private static HttpClient ClientOf(WebApplication app) => new()
    {
        BaseAddress = new Uri(app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.Single()),
    };

    private byte[] Serial(int seed)
    {
        using TrainedModel own = TrainedModel.Open(model);
        using torch.Tensor images = SmallRuns.Sampler.Sample(own.Denoiser, Request(seed), cancellationToken: Token);
        return SmallRuns.Bytes(images);
    }

    private static SampleRequest Request(long seed) => new() { Count = 1, Seed = seed, ClassLabels = [seed % 3] };

    private async Task<WebApplication> Start(int capacity, ManualResetEventSlim? gate = null)
    {
        WebApplicationBuilder builder = WebApplication.CreateBuilder();
        builder.Logging.ClearProviders();
        builder.Services.AddDiffusionTraining("stripes", SmallRuns.Configuration(
            folder.File("run", "x")[..^2], ("Training:Steps", "10000000"), ("Training:ReportEverySteps", "10")))
            .UseData(_ => new StripedImages()).UseModel((_, _) => new TinyModel());
        builder.Services.AddDiffusionSampler("small", _ =>
        {
            Interlocked.Increment(ref passes);
            gate?.Wait(Token);
            return TrainedModel.Open(model);
        }, options => (options.Sampler, options.QueueCapacity) = (SmallRuns.Sampler, capacity));
        WebApplication app = builder.Build();
        app.Urls.Add("http://127.0.0.1:0");
        app.MapGet("/pictures/{seed:long}", async (long seed, [FromKeyedServices("small")] HostedSampler sampler,
            CancellationToken aborted) =>
        {
            try
            {
                using torch.Tensor images = await sampler.SampleAsync(Request(seed), aborted);
                return Results.Bytes(ImageCodec.Encode(DecodedImage.FromTensor(images)), ImageFormat.Png.MediaType);
            }
            catch (SamplerQueueFullException)
            {
                return Results.StatusCode(StatusCodes.Status429TooManyRequests);
            }
        });
        await app.StartAsync(Token);
        return app;
    }
}
