using Diffusion.Sampling;
using TorchSharp;

namespace Diffusion.Hosting;

/// <summary>Requests that are sampled together. A request that fails does so alone.</summary>
internal sealed class SamplerPass : IDisposable
{
    private readonly Lock gate = new();
    private readonly CancellationTokenSource cancel;
    private int left;
    private bool isDisposed;

    /// <param name="jobs">The requests, at least one.</param>
    /// <param name="stop">Ends the pass.</param>
    public SamplerPass(IReadOnlyList<SamplerJob> jobs, CancellationToken stop)
    {
        Jobs = jobs;
        left = jobs.Count;
        cancel = CancellationTokenSource.CreateLinkedTokenSource(stop);
        foreach (SamplerJob job in jobs)
        {
            job.WhenEnded(() =>
            {
                if (Interlocked.Decrement(ref left) == 0)
                {
                    Cancel();
                }
            });
        }
    }

    public IReadOnlyList<SamplerJob> Jobs { get; }

    /// <summary>The number of images.</summary>
    public long ImageCount => Jobs.Sum(job => job.ImageCount);

    /// <summary>Ends the pass, if all of its requests are canceled or the host stops.</summary>
    /// <exception cref="OperationCanceledException">It ends.</exception>
    public void ThrowIfCanceled() => cancel.Token.ThrowIfCancellationRequested();

    /// <summary>Samples the requests that have not ended.</summary>
    /// <returns>The error of the last request that the model failed; null if there is none.</returns>
    /// <exception cref="OperationCanceledException">All requests were canceled, or the host stops.</exception>
    public Exception? Sample(ISampler sampler, IDenoiser denoiser)
    {
        List<SamplerJob> fitting = [];
        foreach (SamplerJob job in Jobs.Where(job => !job.Result.IsCompleted))
        {
            if (job.Request.Problems(denoiser) is { Count: > 0 } problems)
            {
                job.Fail(new ArgumentException(string.Join(" ", problems)));
            }
            else
            {
                fitting.Add(job);
            }
        }

        return fitting.Count > 0 ? Sample(sampler, denoiser, fitting) : null;
    }

    /// <summary>Ends the requests that have not ended: with the error, or canceled if the pass is.</summary>
    public void Fail(Exception error)
    {
        foreach (SamplerJob job in Jobs)
        {
            job.Fail(error, cancel.IsCancellationRequested);
        }
    }

    public void Dispose()
    {
        foreach (SamplerJob job in Jobs)
        {
            job.Dispose();
        }

        lock (gate)
        {
            isDisposed = true;
            cancel.Dispose();
        }
    }

    // Nobody waits for the pass any more. The last to give up may do so while the pass ends.
    private void Cancel()
    {
        lock (gate)
        {
            if (!isDisposed)
            {
                cancel.Cancel();
            }
        }
    }

    private Exception? Sample(ISampler sampler, IDenoiser denoiser, IReadOnlyList<SamplerJob> jobs)
    {
        try
        {
            IReadOnlyList<torch.Tensor> images = sampler.SampleTogether(denoiser, [.. jobs.Select(job => job.Request)], cancel.Token);
            foreach ((SamplerJob job, torch.Tensor own) in jobs.Zip(images))
            {
                job.Complete(own);
            }

            return null;
        }
#pragma warning disable CA1031 // The error belongs to one of these requests.
        catch (Exception error) when (!cancel.IsCancellationRequested)
#pragma warning restore CA1031
        {
            if (jobs is [var only])
            {
                only.Fail(error);
                return error;
            }

            Exception?[] errors = [.. jobs.Where(job => !job.Result.IsCompleted).Select(job => Sample(sampler, denoiser, [job]))];
            return errors.LastOrDefault(one => one is not null);
        }
    }
}
