using Diffusion;
using Diffusion.Hosting;
using Diffusion.Sampling;
using TorchSharp;

const string Photos = "photos"; // the name of the run and of the sampler

WebApplicationBuilder builder = WebApplication.CreateBuilder(args);

// The run starts with the host, resumes if it was stopped, and saves when the host stops. Its options are in appsettings.json.
builder.Services.AddDiffusionTraining(Photos, builder.Configuration.GetSection("Photos"));

// The sampler uses the newest averaged weights of the run, also while it trains.
builder.Services.AddDiffusionSampler(
    Photos,
    services => services.GetRequiredKeyedService<HostedTraining>(Photos).Snapshot(),
    options =>
    {
        options.Sampler = new DdimSampler { Steps = 20 };
        options.ReopensModel = true;
    });

WebApplication app = builder.Build();
app.MapHealthChecks("/health");

// The number of classes of the images, known as soon as there are weights; null for images without classes.
Lock gate = new();
(bool IsKnown, int? Count) classes = default;
int? ClassCount()
{
    lock (gate)
    {
        if (!classes.IsKnown)
        {
            using TrainedModel model = app.Services.GetRequiredKeyedService<HostedTraining>(Photos).Snapshot();
            classes = (true, model.ImageClassCount);
        }

        return classes.Count;
    }
}

// The progress of the run as server-sent events, until the run ends.
app.MapGet("/progress", ([FromKeyedServices(Photos)] HostedTraining run, CancellationToken aborted) =>
    TypedResults.ServerSentEvents(run.ReadProgressAsync(aborted).Select(progress => new
    {
        progress.Step,
        progress.Steps,
        progress.ImagesPerSecond,
        RemainingSeconds = progress.Remaining.TotalSeconds,
    })));

// A picture: the same seed and label give the same picture while the weights stay the same. Images with classes have the label 0 by
// default.
app.MapGet("/pictures/{seed:long}", async (
    long seed, long? label, [FromKeyedServices(Photos)] HostedSampler sampler, CancellationToken aborted) =>
{
    try
    {
        int? count = ClassCount();
        if (label is { } wanted && !(wanted >= 0 && wanted < count))
        {
            return Results.BadRequest(count is null ? "The images have no classes." : $"label must be 0 to {count - 1}.");
        }

        SampleRequest request = new() { Count = 1, Seed = seed, ClassLabels = count is null ? null : [label ?? 0] };
        using torch.Tensor images = await sampler.SampleAsync(request, aborted);
        return Results.Bytes(ImageCodec.Encode(DecodedImage.FromTensor(images)), ImageFormat.Png.MediaType);
    }
    catch (SamplerQueueFullException error)
    {
        return Results.Text(error.Message, statusCode: StatusCodes.Status429TooManyRequests);
    }
    catch (CheckpointException error) // nothing is trained yet
    {
        return Results.NotFound(error.Message);
    }
    catch (ArgumentException error)
    {
        return Results.BadRequest(error.Message);
    }
    catch (Exception error) when (error is InvalidOperationException or OperationCanceledException) // such as when the host stops
    {
        return Results.Text(error.Message, statusCode: StatusCodes.Status503ServiceUnavailable);
    }
});

app.Run();
