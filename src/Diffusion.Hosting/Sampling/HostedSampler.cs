using System.Diagnostics;
using System.Diagnostics.Metrics;
using Diffusion.Sampling;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
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
    private readonly IServiceProvider services;
    private readonly Func<IServiceProvider, TrainedModel> open;
    private readonly SamplerMetrics metrics;
    private readonly SamplerQueue queue;
    private readonly ILogger logger;
    private TrainedModel? model;
    private volatile SamplerPass? current;
    private Task work = Task.CompletedTask;

    internal HostedSampler(IServiceProvider services, string name, Func<IServiceProvider, TrainedModel> open)
    {
        (this.services, Name, this.open) = (services, name, open);
        metrics = new SamplerMetrics(name, services.GetService<IMeterFactory>());
        queue = new SamplerQueue(metrics);
        logger = services.GetService<ILoggerFactory>()?.CreateLogger("Diffusion.Sampling") ?? NullLogger.Instance;
    }

    /// <summary>The name of the sampler.</summary>
    public string Name { get; }

    /// <summary>The number of requests that wait for a pass.</summary>
    public int QueueLength => queue.Count;

    private HostedSamplerOptions Options => services.GetRequiredService<IOptionsMonitor<HostedSamplerOptions>>().Get(Name);

    /// <summary>Samples a request after those that wait before it.</summary>
    /// <param name="request">
    /// The images. <see cref="SampleRequest.BatchSize"/> is not used; <see cref="HostedSamplerOptions.MaxBatchSize"/> is. Its tensors are
    /// copied by the call.
    /// </param>
    /// <param name="cancellationToken">
    /// Ends the wait at once and frees the place in the queue. A pass ends early if all of its requests are canceled.
    /// </param>
    /// <returns>float32 <c>[N, C, H, W]</c> on the CPU, as of <see cref="ISampler.Sample"/>. It belongs to the caller.</returns>
    /// <exception cref="SamplerQueueFullException">The queue is full. Thrown by the call itself.</exception>
    /// <exception cref="InvalidOperationException">The host has stopped, or the network returned NaN or infinity.</exception>
    /// <exception cref="ArgumentException">
    /// The request does not fit the model; the message lists every reason. Or it asks for more images than
    /// <see cref="HostedSamplerOptions.MaxImagesPerRequest"/>: then thrown by the call itself.
    /// </exception>
    /// <exception cref="OperationCanceledException">The request was canceled, or the host stopped before its pass.</exception>
    public Task<torch.Tensor> SampleAsync(SampleRequest request, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(request);
        HostedSamplerOptions options = Options;
        if (cancellationToken.IsCancellationRequested)
        {
            metrics.Ended("canceled");
            return Task.FromCanceled<torch.Tensor>(cancellationToken);
        }

        if (request.Count > options.MaxImagesPerRequest)
        {
            metrics.Ended("refused");
            throw new ArgumentException($"The request asks for {request.Count} images, but sampler '{Name}' takes at most "
                + $"{options.MaxImagesPerRequest}. Ask for fewer images, or raise MaxImagesPerRequest.", nameof(request));
        }

        SamplerJob job = new(request, options, queue, metrics, cancellationToken);
        switch (queue.Add(job, options.QueueCapacity))
        {
            case SamplerQueueAnswer.Full:
                job.Dispose();
                metrics.Ended("refused");
                throw new SamplerQueueFullException($"The queue of sampler '{Name}' is full: {options.QueueCapacity} requests wait. "
                    + "Try again later, or raise QueueCapacity.");
            case SamplerQueueAnswer.Closed:
                job.Dispose();
                throw new InvalidOperationException($"Sampler '{Name}' has stopped with its host. Send requests while the host runs.");
        }

        if (job.Result.IsCompleted && queue.Remove(job))
        {
            job.Dispose(); // It was canceled before it waited.
        }

        return job.Result;
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
    /// that are left then are canceled.
    /// </summary>
    /// <param name="cancellationToken">Ends the sampling.</param>
    public async Task StopAsync(CancellationToken cancellationToken)
    {
        queue.Close();
        try
        {
            await work.WaitAsync(cancellationToken).ConfigureAwait(false);
        }
        catch (OperationCanceledException limitReached)
        {
            await stop.CancelAsync().ConfigureAwait(false);
            foreach (SamplerJob job in queue.TakeAll())
            {
                job.Fail(limitReached, isCanceled: true);
                job.Dispose();
            }

            current?.Fail(limitReached);
            HostedSamplerLog.NotEnded(logger, Name);
        }
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
            while (queue.Wait())
            {
                if (queue.TakePass() is { Count: > 0 } jobs)
                {
                    SamplePass(jobs);
                }
            }
        }
        finally
        {
            CloseModel();
        }
    }

    private void SamplePass(IReadOnlyList<SamplerJob> jobs)
    {
        using SamplerPass pass = new(jobs, stop.Token);
        current = pass;
        try
        {
            Sample(pass, jobs[0].Options);
        }
#pragma warning disable CA1031 // The error belongs to the requests of this pass; the next pass may succeed.
        catch (Exception error)
#pragma warning restore CA1031
        {
            pass.Fail(error);
        }
        finally
        {
            current = null;
        }
    }

    private void Sample(SamplerPass pass, HostedSamplerOptions options)
    {
        using Activity? activity = metrics.StartPass(pass.ImageCount, [.. pass.Jobs.Select(job => job.Span)]);
        try
        {
            pass.ThrowIfCanceled();
            model ??= open(services);
            if (pass.Sample(options.Sampler, options.Denoiser?.Invoke(model.Denoiser) ?? model.Denoiser) is { } failure)
            {
                activity?.SetStatus(ActivityStatusCode.Error, failure.Message);
            }
        }
        catch (Exception error)
        {
            activity?.SetStatus(ActivityStatusCode.Error, error.Message);
            throw;
        }
        finally
        {
            if (options.ReopensModel)
            {
                CloseModel();
            }
        }
    }

    private void CloseModel()
    {
        model?.Dispose();
        model = null;
    }
}
