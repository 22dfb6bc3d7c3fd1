using System.Diagnostics;
using System.Diagnostics.Metrics;

namespace Diffusion.Hosting;

/// <summary>
/// The metrics and spans of a hosted sampler: meter and source <c>Diffusion.Hosting</c>. Each measurement has the name of the sampler as
/// its tag <c>sampler</c>.
/// </summary>
internal sealed class SamplerMetrics
{
    /// <summary>The name of the meter and of the source.</summary>
    public const string Name = "Diffusion.Hosting";

    private static readonly Meter OfProcess = new(Name);
    private static readonly ActivitySource Source = new(Name);

    private readonly string name;
    private readonly KeyValuePair<string, object?> sampler;
    private readonly Counter<long> requests;
    private readonly UpDownCounter<long> waiting;
    private readonly Histogram<double> duration;
    private readonly Histogram<long> images;

    /// <param name="name">The name of the sampler.</param>
    /// <param name="factory">Creates and owns the meter; null for the meter of the process.</param>
    public SamplerMetrics(string name, IMeterFactory? factory)
    {
        this.name = name;
        sampler = new KeyValuePair<string, object?>("sampler", name);
        Meter meter = factory?.Create(Name) ?? OfProcess;
        requests = meter.CreateCounter<long>("diffusion.sampling.requests", "{request}",
            "Requests by outcome: completed, canceled, failed or refused");
        waiting = meter.CreateUpDownCounter<long>("diffusion.sampling.waiting", "{request}", "Requests in the queue");
        duration = meter.CreateHistogram<double>("diffusion.sampling.duration", "s", "Time from a request to its images");
        images = meter.CreateHistogram<long>("diffusion.sampling.pass_images", "{image}", "Images that are sampled in a pass");
    }

    /// <summary>Records that the queue has grown or shrunk.</summary>
    public void Waiting(int change) => waiting.Add(change, sampler);

    /// <summary>Records the end of a request.</summary>
    /// <param name="outcome">Its outcome.</param>
    public void Ended(string outcome) => requests.Add(1, sampler, new KeyValuePair<string, object?>("outcome", outcome));

    /// <summary>Records the end of a request whose images are sampled.</summary>
    /// <param name="began">The timestamp of its start.</param>
    public void Completed(long began)
    {
        Ended("completed");
        duration.Record(Stopwatch.GetElapsedTime(began).TotalSeconds, sampler);
    }

    /// <summary>Records a pass and starts its span, which has links to the spans of the requests; null if nobody listens.</summary>
    /// <param name="count">The number of images.</param>
    /// <param name="spans">The spans of the requests.</param>
    public Activity? StartPass(long count, IReadOnlyList<ActivityContext> spans)
    {
        images.Record(count, sampler);
        return Source.StartActivity(ActivityKind.Internal, parentContext: default,
            tags: [new("diffusion.sampler", name), new("diffusion.images", count), new("diffusion.requests", spans.Count)],
            links: spans.Where(span => span != default).Select(span => new ActivityLink(span)), name: "diffusion.pass");
    }
}
