using System.Diagnostics;
using System.Diagnostics.Metrics;
using System.Threading.Channels;
using Diffusion.Sampling;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;
using TorchSharp;

namespace Diffusion.Hosting;

/// <summary>
/// Samples the requests of an application on a thread of its own. Requests that wait are sampled in one pass; each gets the images that it
/// would get alone, up to rounding. Get it as a keyed service by its name. Any thread may call it.
/// </summary>
public sealed class HostedSampler : IHostedService, IDisposable
{
    private readonly CancellationTokenSource stop = new();
    private readonly Channel<SamplerJob> queue = Channel.CreateUnbounded<SamplerJob>(new() { SingleReader = true });
    private readonly IServiceProvider services;
    private readonly Func<IServiceProvider, TrainedModel> open;
    private readonly SamplerMetrics metrics;
    private TrainedModel? model;
    private Task work = Task.CompletedTask;
    private int waiting;

    internal HostedSampler(IServiceProvider services, string name, Func<IServiceProvider, TrainedModel> open)
    {
        (this.services, Name, this.open) = (services, name, open);
        metrics = new SamplerMetrics(name, services.GetService<IMeterFactory>());
    }

    /// <summary>The name of the sampler.</summary>
    public string Name { get; }

    /// <summary>The number of requests that wait for a pass.</summary>
    public int QueueLength => Volatile.Read(ref waiting);

    private HostedSamplerOptions Options => services.GetRequiredService<IOptionsMonitor<HostedSamplerOptions>>().Get(Name);

    /// <summary>Samples a request after those that wait before it.</summary>
    /// <param name="request">
    /// The images. <see cref="SampleRequest.BatchSize"/> is not used; <see cref="HostedSamplerOptions.MaxBatchSize"/> is.
    /// </param>
    /// <param name="cancellationToken">
    /// Ends the wait at once and frees the place in the queue. A pass ends early if all of its requests are cancelled.
    /// </param>
    /// <returns>float32 <c>[N, C, H, W]</c> on the CPU, in [-1, 1] if the sampler clips. It belongs to the caller.</returns>
    /// <exception cref="SamplerQueueFullException">The queue is full. Thrown by the call itself.</exception>
    /// <exception cref="InvalidOperationException">The host has stopped, or the network returned NaN or infinity.</exception>
    /// <exception cref="ArgumentException">The request does not fit the model; the message lists every reason.</exception>
    /// <exception cref="OperationCanceledException">The request was cancelled, or the host stopped before its pass.</exception>
    public Task<torch.Tensor> SampleAsync(SampleRequest request, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(request);
        HostedSamplerOptions options = Options;
        if (Interlocked.Increment(ref waiting) > options.QueueCapacity)
        {
            Interlocked.Decrement(ref waiting);
            metrics.Ended("refused");
            throw new SamplerQueueFullException(
                $"The queue of sampler '{Name}' is full: {options.QueueCapacity} requests wait. Try again later, or raise QueueCapacity.");
        }

        metrics.Waiting(1);
        SamplerJob job = new(request with { BatchSize = options.MaxBatchSize }, Leave, cancellationToken);
        if (!queue.Writer.TryWrite(job))
        {
            job.TryTake();
            job.Dispose();
            throw new InvalidOperationException($"Sampler '{Name}' has stopped with its host. Send requests while the host runs.");
        }

        return job.Result;

        void Leave()
        {
            Interlocked.Decrement(ref waiting);
            metrics.Waiting(-1);
        }
    }

    /// <summary>Starts the thread that samples. Called by the host.</summary>
    /// <param name="cancellationToken">Not used.</param>
    public Task StartAsync(CancellationToken cancellationToken)
    {
        work = Task.Factory.StartNew(Work, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
        return Task.CompletedTask;
    }

    /// <summary>
    /// Refuses new requests and samples those that wait. Called by the host, with a token that expires at its shutdown limit; the requests
    /// that are left then are cancelled.
    /// </summary>
    /// <param name="cancellationToken">Ends the sampling.</param>
    public async Task StopAsync(CancellationToken cancellationToken)
    {
        queue.Writer.TryComplete();
        using CancellationTokenRegistration limit = cancellationToken.UnsafeRegister(_ => stop.Cancel(), null);
        await work.ConfigureAwait(false);
    }

    /// <summary>Frees the model after the thread has ended. The host calls <see cref="StopAsync"/> before.</summary>
    public void Dispose()
    {
        if (work.IsCompleted)
        {
            stop.Dispose();
        }
    }

    private void Work()
    {
        try
        {
            while (queue.Reader.WaitToReadAsync(CancellationToken.None).AsTask().GetAwaiter().GetResult())
            {
                SamplePass(TakePass());
            }
        }
        finally
        {
            model?.Dispose();
            model = null;
        }
    }

    // As many of the requests that wait as a batch holds, and at least one.
    private List<SamplerJob> TakePass()
    {
        int max = Options.MaxBatchSize;
        int images = 0;
        List<SamplerJob> pass = [];
        while (queue.Reader.TryPeek(out SamplerJob? next) && (pass.Count == 0 || images + next.Request.Count <= max))
        {
            queue.Reader.TryRead(out next);
            if (next!.TryTake())
            {
                pass.Add(next);
                images += Math.Max(next.Request.Count, 0);
            }
            else
            {
                metrics.Ended("cancelled");
                next.Dispose();
            }
        }

        return pass;
    }

    private void SamplePass(List<SamplerJob> pass)
    {
        if (pass.Count == 0)
        {
            return;
        }

        using CancellationTokenSource cancel = CancellationTokenSource.CreateLinkedTokenSource(stop.Token);
        int left = pass.Count;
        pass.ForEach(job => job.WhenCancelled(() =>
        {
            if (Interlocked.Decrement(ref left) == 0)
            {
                cancel.Cancel();
            }
        }));
        using Activity? activity = metrics.StartPass(pass.Sum(job => job.Request.Count), [.. pass.Select(job => job.Span)]);
        try
        {
            cancel.Token.ThrowIfCancellationRequested();
            Sample(pass, cancel.Token);
        }
#pragma warning disable CA1031 // The error belongs to the requests of this pass; the next pass may succeed.
        catch (Exception error)
#pragma warning restore CA1031
        {
            activity?.SetStatus(ActivityStatusCode.Error, error.Message);
            pass.ForEach(job => Fail(job, error));
        }
        finally
        {
            pass.ForEach(job => job.Dispose()); // Waits for a cancellation in progress, which may use the pass.
        }
    }

    private void Sample(List<SamplerJob> pass, CancellationToken cancellationToken)
    {
        HostedSamplerOptions options = Options;
        model ??= open(services);
        try
        {
            IDenoiser denoiser = options.Denoiser?.Invoke(model.Denoiser) ?? model.Denoiser;
            List<SamplerJob> fitting = [];
            foreach (SamplerJob job in pass)
            {
                if (job.Request.Problems(denoiser) is { Count: > 0 } problems)
                {
                    Fail(job, new ArgumentException(string.Join(" ", problems)));
                }
                else
                {
                    fitting.Add(job);
                }
            }

            IReadOnlyList<torch.Tensor> images = options.Sampler.SampleTogether(
                denoiser, [.. fitting.Select(job => job.Request)], cancellationToken);
            foreach ((SamplerJob job, torch.Tensor own) in fitting.Zip(images))
            {
                if (job.TryComplete(own))
                {
                    metrics.Completed(job.Began);
                }
                else
                {
                    metrics.Ended("cancelled");
                }
            }
        }
        finally
        {
            if (options.ReopensModel)
            {
                model.Dispose();
                model = null;
            }
        }
    }

    private void Fail(SamplerJob job, Exception error)
    {
        if (!job.Result.IsCompletedSuccessfully)
        {
            metrics.Ended(job.TryFail(error) && error is not OperationCanceledException ? "failed" : "cancelled");
        }
    }
}
