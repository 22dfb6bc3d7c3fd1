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
    public async Task A_full_queue_refuses_at_once_and_a_canceled_request_frees_its_place()
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
    public async Task A_pass_ends_early_when_all_of_its_requests_are_canceled()
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

        HostedSampler sampler = SamplerOf(host);
        Task<torch.Tensor> first = sampler.SampleAsync(Request(0), cancel.Token);
        await FluentActions.Invoking(() => first).Should().ThrowAsync<OperationCanceledException>();
        await host.StopAsync(Token);
        batches.Should().HaveCount(1, "the pass ended before its second call of the network");
    }

    [Fact]
    public async Task A_request_that_failed_keeps_no_pass_alive_and_counts_once()
    {
        ConcurrentQueue<string> outcomes = new();
        using MeterListener listener = new();
        using CancellationTokenSource cancel = new();
        int calls = 0;
        using IHost host = Host(options =>
        {
            options.Sampler = new DdimSampler { Steps = 1000 };
            options.Denoiser = denoiser => new ObservedDenoiser(denoiser, (_, _) =>
            {
                if (++calls == 1001) // the first of the second pass
                {
                    cancel.Cancel();
                }
            });
        });
        Listen(listener, host, outcomes.Enqueue);
        await host.StartAsync(Token);
        HostedSampler sampler = SamplerOf(host);
        Task<torch.Tensor> first = sampler.SampleAsync(Request(0), Token);
        opening.Wait(Token);

        Task<torch.Tensor> wrong = sampler.SampleAsync(Request(1) with { ClassLabels = [9] }, Token);
        Task<torch.Tensor> good = sampler.SampleAsync(Request(2), cancel.Token);
        gate.Set();

        (await first).Dispose();
        await FluentActions.Invoking(() => wrong).Should().ThrowAsync<ArgumentException>();
        await FluentActions.Invoking(() => good).Should().ThrowAsync<OperationCanceledException>();
        await host.StopAsync(Token);
        calls.Should().Be(1001, "the second pass ended before its second call of the network");
        outcomes.Should().BeEquivalentTo("completed", "failed", "canceled");
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
    public async Task A_request_for_very_many_images_does_not_share_a_pass()
    {
        using IHost host = Host(options => options.MaxImagesPerRequest = int.MaxValue);
        await host.StartAsync(Token);
        HostedSampler sampler = SamplerOf(host);
        Task<torch.Tensor> first = sampler.SampleAsync(Request(0), Token);
        opening.Wait(Token);

        Task<torch.Tensor> many = sampler.SampleAsync(Request(1) with { Count = int.MaxValue, ClassLabels = [0, 1] }, Token);
        Task<torch.Tensor> last = sampler.SampleAsync(Request(2), Token);
        gate.Set();

        (await first).Dispose();
        await FluentActions.Invoking(() => many).Should().ThrowAsync<ArgumentException>().WithMessage("*2 labels for 2147483647 images*");
        (await last.WaitAsync(TimeSpan.FromMinutes(1), Token)).Dispose();
        await host.StopAsync(Token);
    }

    [Fact]
    public async Task A_negative_count_makes_no_room_for_others_in_a_pass()
    {
        using IHost host = Host(options => options.MaxBatchSize = 2);
        await host.StartAsync(Token);
        HostedSampler sampler = SamplerOf(host);
        Task<torch.Tensor> first = sampler.SampleAsync(Request(0), Token);
        opening.Wait(Token);

        Task<torch.Tensor> wrong = sampler.SampleAsync(Request(1) with { Count = -1000 }, Token);
        Task<torch.Tensor>[] others = [.. Enumerable.Range(2, 4).Select(seed => sampler.SampleAsync(Request(seed), Token))];
        gate.Set();

        (await first).Dispose();
        await FluentActions.Invoking(() => wrong).Should().ThrowAsync<ArgumentException>().WithMessage("*Count is -1000*");
        Array.ForEach(await Task.WhenAll(others), images => images.Dispose());
        batches.Max().Should().Be(2);
        await host.StopAsync(Token);
    }

    [Fact]
    public async Task A_request_that_is_canceled_already_is_not_refused()
    {
        using CancellationTokenSource cancel = new();
        await cancel.CancelAsync();
        using IHost host = Host(options => options.QueueCapacity = 1);
        await host.StartAsync(Token);
        HostedSampler sampler = SamplerOf(host);
        Task<torch.Tensor> first = sampler.SampleAsync(Request(0), Token);
        opening.Wait(Token);
        Task<torch.Tensor> second = sampler.SampleAsync(Request(1), Token);

        sampler.SampleAsync(Request(2), cancel.Token).IsCanceled.Should().BeTrue();

        gate.Set();
        (await first).Dispose();
        (await second).Dispose();
        await host.StopAsync(Token);
    }

    [Fact]
    public async Task More_images_than_a_request_may_ask_for_are_refused_by_the_call()
    {
        using IHost host = Host(options => options.MaxImagesPerRequest = 4);
        await host.StartAsync(Token);

        Refused(SamplerOf(host), Request(0) with { Count = 5 }).Should().Throw<ArgumentException>()
            .WithMessage("*asks for 5 images*at most 4*raise MaxImagesPerRequest*");
        gate.Set();
        await host.StopAsync(Token);
    }

    [Fact]
    public async Task A_pass_that_fails_is_sampled_request_by_request()
    {
        ConcurrentQueue<Activity> spans = new();
        using ActivityListener listener = new()
        {
            ShouldListenTo = source => source.Name == "Diffusion.Hosting",
            Sample = (ref _) => ActivitySamplingResult.AllData,
            ActivityStopped = spans.Enqueue,
        };
        ActivitySource.AddActivityListener(listener);
        using IHost host = Host(options => options.Denoiser = denoiser => new ObservedDenoiser(denoiser, (_, clean) =>
        {
            if (clean.shape[0] > 1)
            {
                throw new InvalidOperationException("too many at a time");
            }
        }));
        await host.StartAsync(Token);
        HostedSampler sampler = SamplerOf(host);

        Task<torch.Tensor>[] sampled =
        [
            sampler.SampleAsync(Request(0), Token),
            sampler.SampleAsync(Request(1), Token),
            sampler.SampleAsync(Request(2) with { Count = 2, ClassLabels = [1] }, Token),
            sampler.SampleAsync(Request(3), Token),
        ];
        gate.Set();

        await FluentActions.Invoking(() => sampled[2]).Should().ThrowAsync<InvalidOperationException>().WithMessage("too many*");
        foreach (int one in new[] { 0, 1, 3 })
        {
            SmallRuns.Difference(Serial(Request(one)), SmallRuns.Bytes(await sampled[one])).Max.Should().BeLessThanOrEqualTo(1);
        }

        await host.StopAsync(Token);
        spans.Should().Contain(span => span.Status == ActivityStatusCode.Error && span.StatusDescription == "too many at a time");
    }

    [Fact]
    public async Task The_images_of_a_canceled_request_may_be_disposed_while_its_pass_samples_the_others()
    {
        using CancellationTokenSource cancel = new();
        torch.Tensor start = torch.zeros(1, 3, 32, 32);
        int passes = 0;
        using IHost host = Host(options => options.Denoiser = denoiser =>
        {
            if (++passes == 2)
            {
                cancel.Cancel();
                start.Dispose();
            }

            return denoiser;
        });
        await host.StartAsync(Token);
        HostedSampler sampler = SamplerOf(host);
        Task<torch.Tensor> first = sampler.SampleAsync(Request(0), Token);
        opening.Wait(Token);

        Task<torch.Tensor> other = sampler.SampleAsync(Request(1), Token);
        Task<torch.Tensor> canceled = sampler.SampleAsync(Request(2) with { StartImages = start }, cancel.Token);
        gate.Set();

        (await first).Dispose();
        SmallRuns.Difference(Serial(Request(1)), SmallRuns.Bytes(await other)).Max.Should().BeLessThanOrEqualTo(1);
        await FluentActions.Invoking(() => canceled).Should().ThrowAsync<OperationCanceledException>();
        await host.StopAsync(Token);
    }

    [Fact]
    public async Task A_timeout_while_the_model_is_opened_is_an_error_and_no_cancellation()
    {
        HostApplicationBuilder builder = Microsoft.Extensions.Hosting.Host.CreateApplicationBuilder();
        builder.Services.AddDiffusionSampler("small", _ => throw new TaskCanceledException("The download timed out."), options =>
            options.Sampler = SmallRuns.Sampler);
        using IHost host = builder.Build();
        await host.StartAsync(Token);

        Task<torch.Tensor> request = SamplerOf(host).SampleAsync(Request(0), Token);

        await FluentActions.Invoking(() => request).Should().ThrowAsync<TaskCanceledException>().WithMessage("The download timed out.");
        request.IsFaulted.Should().BeTrue();
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
    public async Task At_the_limit_of_a_shutdown_what_still_waits_is_canceled()
    {
        using IHost host = Host();
        await host.StartAsync(Token);
        HostedSampler sampler = SamplerOf(host);
        using CancellationTokenSource limit = new();
        Task<torch.Tensor>[] sampled = [.. Enumerable.Range(0, 5).Select(seed => sampler.SampleAsync(Request(seed), Token))];

        Task stopping = sampler.StopAsync(limit.Token);
        await limit.CancelAsync();
        await stopping; // although the model is still being opened

        sampled.Should().OnlyContain(task => task.IsCanceled);
        sampler.QueueLength.Should().Be(0);
        gate.Set();
    }

    [Fact]
    public async Task Wrong_options_are_found_when_the_host_starts()
    {
        using IHost host = Host(options =>
        {
            options.Sampler = new DpmSolver { Steps = 0 };
            (options.QueueCapacity, options.MaxBatchSize, options.MaxImagesPerRequest) = (0, -1, 0);
        });

        await FluentActions.Invoking(() => host.StartAsync(Token)).Should().ThrowAsync<OptionsValidationException>()
            .WithMessage("*Sampler.Steps (0)*QueueCapacity (0)*MaxBatchSize (-1)*MaxImagesPerRequest (0)*");
    }

    [Fact]
    public async Task Requests_are_counted_by_their_outcome()
    {
        ConcurrentQueue<string> outcomes = new();
        using MeterListener listener = new();
        using IHost host = Host(options => options.QueueCapacity = 1);
        Listen(listener, host, outcomes.Enqueue);
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

        outcomes.Should().BeEquivalentTo("completed", "failed", "refused");
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

    private static void Listen(MeterListener listener, IHost host, Action<string> onOutcome)
    {
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
            value.Should().Be(1);
            tags.ToArray().Should().Contain(tag => tag.Key == "sampler" && (string?)tag.Value == "small");
            onOutcome((string)tags.ToArray().Single(tag => tag.Key == "outcome").Value!);
        });
        listener.Start();
    }

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
