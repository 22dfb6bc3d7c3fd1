using System.Collections.Concurrent;
using System.Diagnostics;
using System.Diagnostics.Metrics;
using Diffusion.Sampling;
using Diffusion.TestKit;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;
using TorchSharp;

namespace Diffusion.Hosting.Tests.Sampling;

public sealed class HostedSamplerTests : IDisposable
{
    private readonly TemporaryFolder folder = new();
    private readonly ManualResetEventSlim gate = new(initialState: false);
    private readonly ManualResetEventSlim opening = new(initialState: false);
    private readonly string model;
    private readonly Lock counting = new();
    private readonly List<long> batches = [];

    public HostedSamplerTests() => model = SmallRuns.WriteModel(folder);

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public void Dispose()
    {
        gate.Dispose();
        opening.Dispose();
        folder.Dispose();
    }

    [Fact]
    public async Task A_picture_does_not_depend_on_the_pass_that_it_was_sampled_in()
    {
        SampleRequest[] requests =
        [
            .. Enumerable.Range(0, 11).Select(seed => Request(seed)),
            Request(3) with { Count = 4, ClassLabels = [2, 1, 0, 2] },
            Request(3) with { Count = 1, FirstIndex = 2, ClassLabels = [0] },
        ];
        byte[][] alone = [.. requests.Select(Serial)];
        using IHost host = Host(options => options.MaxBatchSize = 8);
        await host.StartAsync(Token);
        HostedSampler sampler = SamplerOf(host);

        Task<torch.Tensor>[] sampled = [.. requests.Select(request => sampler.SampleAsync(request, Token))];
        gate.Set(); // until now the first pass waits for its model, and the other requests for their passes
        torch.Tensor[] images = await Task.WhenAll(sampled);

        batches.Max().Should().BeGreaterThan(4, "requests share passes");
        foreach ((byte[] expected, torch.Tensor actual) in alone.Zip(images))
        {
            (int max, double fraction) = SmallRuns.Difference(expected, SmallRuns.Bytes(actual));
            max.Should().BeLessThanOrEqualTo(1);
            fraction.Should().BeLessThanOrEqualTo(0.001);
            actual.Dispose();
        }

        alone[0].Should().NotEqual(alone[1], "otherwise the comparison proves nothing");
        await host.StopAsync(Token);
    }

    [Fact]
    public async Task A_full_queue_refuses_at_once_and_a_cancelled_request_frees_its_place()
    {
        using IHost host = Host(options => options.QueueCapacity = 2);
        await host.StartAsync(Token);
        HostedSampler sampler = SamplerOf(host);
        using CancellationTokenSource cancel = new();
        Task<torch.Tensor> first = sampler.SampleAsync(Request(0), Token);
        opening.Wait(Token); // the pass is complete, and waits for its model

        Task<torch.Tensor> second = sampler.SampleAsync(Request(1), Token);
        Task<torch.Tensor> third = sampler.SampleAsync(Request(2), cancel.Token);
        Refused(sampler, Request(3)).Should().Throw<SamplerQueueFullException>()
            .WithMessage("*2 requests wait*raise QueueCapacity*");
        await cancel.CancelAsync();
        await FluentActions.Invoking(() => third).Should().ThrowAsync<OperationCanceledException>();
        sampler.QueueLength.Should().Be(1);
        Task<torch.Tensor> fourth = sampler.SampleAsync(Request(4), Token);
        gate.Set();

        foreach (torch.Tensor images in await Task.WhenAll(first, second, fourth))
        {
            images.shape.Should().Equal(1, 3, 32, 32);
            images.Dispose();
        }

        await host.StopAsync(Token);
    }

    [Fact]
    public async Task A_pass_ends_early_when_all_of_its_requests_are_cancelled()
    {
        using CancellationTokenSource cancel = new();
        using IHost host = Host(options =>
        {
            options.Sampler = new DdimSampler { Steps = 1000 };
            options.Denoiser = denoiser => new ObservedDenoiser(denoiser, (_, clean) =>
            {
                lock (counting)
                {
                    batches.Add(clean.shape[0]);
                }

                cancel.Cancel();
            });
        });
        gate.Set();
        await host.StartAsync(Token);

        Task<torch.Tensor> sampled = SamplerOf(host).SampleAsync(Request(0), cancel.Token);

        await FluentActions.Invoking(() => sampled).Should().ThrowAsync<OperationCanceledException>();
        await host.StopAsync(Token);
        batches.Should().HaveCount(1, "the pass ended before its second call of the network");
    }

    [Fact]
    public async Task A_request_that_does_not_fit_fails_alone()
    {
        using IHost host = Host();
        await host.StartAsync(Token);
        HostedSampler sampler = SamplerOf(host);

        Task<torch.Tensor> first = sampler.SampleAsync(Request(0), Token);
        Task<torch.Tensor> wrong = sampler.SampleAsync(Request(1) with { ClassLabels = [7] }, Token);
        Task<torch.Tensor> last = sampler.SampleAsync(Request(2), Token);
        gate.Set();

        await FluentActions.Invoking(() => wrong).Should().ThrowAsync<ArgumentException>().WithMessage("*7*classes are 0..2*");
        SmallRuns.Difference(Serial(Request(0)), SmallRuns.Bytes(await first)).Max.Should().BeLessThanOrEqualTo(1);
        SmallRuns.Difference(Serial(Request(2)), SmallRuns.Bytes(await last)).Max.Should().BeLessThanOrEqualTo(1);
        await host.StopAsync(Token);
    }

    [Fact]
    public async Task A_model_that_cannot_be_opened_fails_its_pass_and_the_next_pass_opens_it_again()
    {
        int opened = 0;
        HostApplicationBuilder builder = Microsoft.Extensions.Hosting.Host.CreateApplicationBuilder();
        builder.Services.AddDiffusionSampler("small", _ =>
            ++opened == 1 ? throw new CheckpointException("not yet") : TrainedModel.Open(model), options =>
            options.Sampler = SmallRuns.Sampler);
        using IHost host = builder.Build();
        await host.StartAsync(Token);
        HostedSampler sampler = SamplerOf(host);

        await FluentActions.Invoking(() => sampler.SampleAsync(Request(0), Token)).Should().ThrowAsync<CheckpointException>();
        (await sampler.SampleAsync(Request(0), Token)).Dispose();
        (await sampler.SampleAsync(Request(1), Token)).Dispose();

        opened.Should().Be(2, "the model is kept");
        await host.StopAsync(Token);
    }

    [Fact]
    public async Task A_host_that_stops_samples_what_waits_and_refuses_what_comes_later()
    {
        using IHost host = Host();
        await host.StartAsync(Token);
        HostedSampler sampler = SamplerOf(host);
        Task<torch.Tensor>[] sampled = [.. Enumerable.Range(0, 5).Select(seed => sampler.SampleAsync(Request(seed), Token))];

        Task stopping = sampler.StopAsync(Token);
        Refused(sampler, Request(9)).Should().Throw<InvalidOperationException>()
            .WithMessage("*has stopped*");
        gate.Set();
        await stopping;

        sampled.Should().OnlyContain(task => task.IsCompletedSuccessfully);
        Array.ForEach(sampled, task => task.Result.Dispose());
        sampler.QueueLength.Should().Be(0);
    }

    [Fact]
    public async Task At_the_limit_of_a_shutdown_what_still_waits_is_cancelled()
    {
        using IHost host = Host();
        await host.StartAsync(Token);
        HostedSampler sampler = SamplerOf(host);
        using CancellationTokenSource limit = new();
        Task<torch.Tensor>[] sampled = [.. Enumerable.Range(0, 5).Select(seed => sampler.SampleAsync(Request(seed), Token))];

        Task stopping = sampler.StopAsync(limit.Token);
        await limit.CancelAsync();
        gate.Set();
        await stopping;

        sampled.Should().OnlyContain(task => task.IsCanceled);
    }

    [Fact]
    public async Task Wrong_options_are_found_when_the_host_starts()
    {
        using IHost host = Host(options => (options.QueueCapacity, options.MaxBatchSize) = (0, -1));

        await FluentActions.Invoking(() => host.StartAsync(Token)).Should().ThrowAsync<OptionsValidationException>()
            .WithMessage("*QueueCapacity (0)*MaxBatchSize (-1)*");
    }

    [Fact]
    public async Task Requests_are_counted_by_their_outcome()
    {
        Dictionary<string, long> outcomes = new(StringComparer.Ordinal);
        using MeterListener listener = new();
        using IHost host = Host(options => options.QueueCapacity = 1);
        IMeterFactory factory = host.Services.GetRequiredService<IMeterFactory>();
        listener.InstrumentPublished = (instrument, all) =>
        {
            if (instrument.Meter.Scope == factory && instrument.Name == "diffusion.sampling.requests")
            {
                all.EnableMeasurementEvents(instrument);
            }
        };
        listener.SetMeasurementEventCallback<long>((_, value, tags, _) =>
        {
            lock (outcomes)
            {
                tags.ToArray().Should().Contain(tag => tag.Key == "sampler" && (string?)tag.Value == "small");
                string outcome = (string)tags.ToArray().Single(tag => tag.Key == "outcome").Value!;
                outcomes[outcome] = outcomes.GetValueOrDefault(outcome) + value;
            }
        });
        listener.Start();
        await host.StartAsync(Token);
        HostedSampler sampler = SamplerOf(host);

        Task<torch.Tensor> first = sampler.SampleAsync(Request(0), Token);
        opening.Wait(Token);
        Task<torch.Tensor> second = sampler.SampleAsync(Request(1) with { ClassLabels = [9] }, Token);
        Refused(sampler, Request(2)).Should().Throw<SamplerQueueFullException>();
        gate.Set();
        (await first).Dispose();
        await FluentActions.Invoking(() => second).Should().ThrowAsync<ArgumentException>();
        await host.StopAsync(Token);

        outcomes.Should().BeEquivalentTo(new Dictionary<string, long> { ["completed"] = 1, ["failed"] = 1, ["refused"] = 1 });
    }

    [Fact]
    public async Task A_pass_has_a_span_with_links_to_its_requests_around_the_span_of_the_sampler()
    {
        ConcurrentQueue<Activity> ended = new();
        using ActivitySource requests = new("requests of this test");
        using ActivityListener listener = new()
        {
            ShouldListenTo = source => source.Name is "Diffusion.Hosting" or "Diffusion.Sampling" || source == requests,
            Sample = (ref _) => ActivitySamplingResult.AllData,
            ActivityStopped = ended.Enqueue,
        };
        ActivitySource.AddActivityListener(listener);
        gate.Set();
        using IHost host = Host();
        await host.StartAsync(Token);

        using (Activity request = requests.StartActivity("request")!)
        {
            (await SamplerOf(host).SampleAsync(Request(0), Token)).Dispose();
        }

        await host.StopAsync(Token);
        Activity span = ended.Single(activity => activity.OperationName == "request");
        Activity pass = ended.Single(activity => activity.OperationName == "diffusion.pass");
        Activity sample = ended.Single(activity => activity.OperationName == "diffusion.sample");
        pass.Links.Should().ContainSingle().Which.Context.SpanId.Should().Be(span.SpanId);
        pass.GetTagItem("diffusion.sampler").Should().Be("small");
        sample.ParentSpanId.Should().Be(pass.SpanId);
    }

    private static SampleRequest Request(long seed) => new() { Count = 1, Seed = seed, ClassLabels = [seed % 3] };

    // The call itself throws, not its task.
    private static Action Refused(HostedSampler sampler, SampleRequest request) => () => _ = sampler.SampleAsync(request, Token);

    private static HostedSampler SamplerOf(IHost host) => host.Services.GetRequiredKeyedService<HostedSampler>("small");

    private byte[] Serial(SampleRequest request)
    {
        using TrainedModel own = TrainedModel.Open(model);
        using torch.Tensor images = SmallRuns.Sampler.Sample(own.Denoiser, request, cancellationToken: Token);
        return SmallRuns.Bytes(images);
    }

    // The model opens when the gate does.
    private IHost Host(Action<HostedSamplerOptions>? configure = null)
    {
        HostApplicationBuilder builder = Microsoft.Extensions.Hosting.Host.CreateApplicationBuilder();
        builder.Services.AddDiffusionSampler("small", _ =>
        {
            opening.Set();
            gate.Wait(Token);
            return TrainedModel.Open(model);
        }, options =>
        {
            options.Sampler = SmallRuns.Sampler;
            options.Denoiser = denoiser => new ObservedDenoiser(denoiser, (_, clean) =>
            {
                lock (counting)
                {
                    batches.Add(clean.shape[0]);
                }
            });
            configure?.Invoke(options);
        });
        return builder.Build();
    }
}
