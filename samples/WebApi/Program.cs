using Diffusion;
using Diffusion.Hosting;
using Diffusion.Sampling;
using Diffusion.Training;
using Microsoft.Extensions.Options;
using Samples;
using TorchSharp;

const string Shapes = "shapes";

WebApplicationBuilder builder = WebApplication.CreateBuilder(
    new WebApplicationOptions { Args = args, ContentRootPath = AppContext.BaseDirectory });
builder.Services.Configure<HostOptions>(builder.Configuration.GetSection("HostOptions"));

// The run: its options are in appsettings.json; images and network are chosen here.
builder.Services.AddDiffusionTraining(Shapes, builder.Configuration.GetSection("Shapes"))
    .UseData(services => DrawnShapes.Create(
        count: 5000, services.GetRequiredService<IOptionsMonitor<HostedTrainingOptions>>().Get(Shapes).ImageSize))
    .UseModel((_, images) => new UNet2D(new UNet2DOptions
    {
        SampleSize = new SampleSize(images.Shape.Height, images.Shape.Width),
        InChannels = images.Shape.Channels,
        OutChannels = images.Shape.Channels,
        BlockOutChannels = [32, 64],
        DownBlockTypes = [DownBlockType.DownBlock2D, DownBlockType.AttnDownBlock2D],
        UpBlockTypes = [UpBlockType.AttnUpBlock2D, UpBlockType.UpBlock2D],
        LayersPerBlock = 1,
        AttentionHeadDim = 16,
        NormNumGroups = 8,
        NumClassEmbeds = images.ClassCount,
    }));

// The sampler: each pass uses the newest weights of the run.
builder.Services.AddDiffusionSampler(
    Shapes,
    services => services.GetRequiredKeyedService<HostedTraining>(Shapes).Snapshot(),
    options =>
    {
        options.Sampler = new HeunSampler { Steps = 10 };
        options.QueueCapacity = 32;
        options.ReopensModel = true;
    });

WebApplication app = builder.Build();
app.MapHealthChecks("/health");

// Starts the run, or resumes it.
app.MapPost("/run", async (long? steps, [FromKeyedServices(Shapes)] HostedTraining run, CancellationToken aborted) =>
{
    if (steps is < 1) // Any other mistake in the options is a failed run, which the health check shows.
    {
        return Results.BadRequest("steps must be at least 1.");
    }

    try
    {
        bool isStarted = await run.TryStartAsync(options => options.Steps = steps ?? options.Steps, aborted);
        return isStarted ? Results.Accepted("/run/progress") : Results.Conflict("The run is already running.");
    }
    catch (OptionsValidationException error)
    {
        return Results.BadRequest(error.Message);
    }
    catch (CheckpointException error) // another process uses the run folder, or its checkpoint belongs to another run
    {
        return Results.Conflict(error.Message);
    }
    catch (InvalidOperationException error) // such as when the host stops
    {
        return Unavailable(error);
    }
});

// Ends the run, which saves it.
app.MapDelete("/run", async ([FromKeyedServices(Shapes)] HostedTraining run, CancellationToken aborted) =>
{
    await run.StopAsync(aborted);
    return Results.Ok(new { Status = run.Status.ToString(), run.Progress?.Step });
});

// Reports of the run as server-sent events, until it ends.
app.MapGet("/run/progress", ([FromKeyedServices(Shapes)] HostedTraining run, CancellationToken aborted) =>
    TypedResults.ServerSentEvents(run.ReadProgressAsync(aborted).Select(progress => new
    {
        progress.Step,
        progress.Steps,
        Loss = double.IsFinite(progress.Loss) ? progress.Loss : (double?)null,
        progress.ImagesPerSecond,
        RemainingSeconds = progress.Remaining.TotalSeconds,
    }), eventType: "progress"));

// A picture: the same seed and class give the same picture while the weights stay the same.
app.MapGet("/pictures/{seed:long}", async (long seed, long? shape, int? quality, HttpResponse response,
    [FromKeyedServices(Shapes)] HostedSampler sampler, CancellationToken aborted) =>
{
    ImageFormat format = quality is { } chosen ? ImageFormat.WebP(Math.Clamp(chosen, 1, 100)) : ImageFormat.Png;
    try
    {
        SampleRequest request = new() { Count = 1, Seed = seed, ClassLabels = [shape ?? 0] };
        using torch.Tensor images = await sampler.SampleAsync(request, aborted);
        return Results.Bytes(ImageCodec.Encode(DecodedImage.FromTensor(images), format), format.MediaType);
    }
    catch (SamplerQueueFullException error)
    {
        response.Headers.RetryAfter = "1";
        return Results.Text(error.Message, statusCode: StatusCodes.Status429TooManyRequests);
    }
    catch (CheckpointException error)
    {
        return Results.NotFound($"{error.Message} POST /run first.");
    }
    catch (ArgumentException error)
    {
        return Results.BadRequest(error.Message);
    }
    catch (Exception error) when (error is InvalidOperationException or OperationCanceledException) // such as when the host stops
    {
        return Unavailable(error);
    }
});

app.Run();

static IResult Unavailable(Exception error) => Results.Text(error.Message, statusCode: StatusCodes.Status503ServiceUnavailable);
