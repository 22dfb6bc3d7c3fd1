using System.Runtime.ExceptionServices;
using Diffusion.Data;
using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Training;

/// <summary>
/// Draws the noise of the next micro-batch on a thread of its own while the present one is trained. Noise depends only on the seed and the
/// position of an image, so the numbers are those that the pass itself would draw.
/// </summary>
/// <remarks>
/// The thread owns all tensors, and there are always two of them between two calls of <see cref="Take"/>: the one that was taken last, and
/// the next one.
/// </remarks>
internal sealed class NoiseAhead : IDisposable
{
    private readonly BatchPlan plan;
    private readonly Func<long[], Tensor> draw;
    private readonly SemaphoreSlim asked = new(initialCount: 1);
    private readonly SemaphoreSlim made = new(initialCount: 0);
    private readonly Thread thread;
    private volatile bool stops;
    private long number;
    private Tensor? taken;
    private Tensor? next;
    private Exception? failure;

    /// <summary>Starts to draw the noise of the first micro-batch.</summary>
    /// <param name="plan">The positions of each micro-batch, as in the loader.</param>
    /// <param name="draw">Draws the noise of positions, <c>[B, C, H, W]</c> on the CPU. Called on the thread.</param>
    public NoiseAhead(BatchPlan plan, Func<long[], Tensor> draw)
    {
        (this.plan, this.draw) = (plan, draw);
        thread = new Thread(Work) { IsBackground = true, Name = nameof(NoiseAhead) };
        thread.Start();
    }

    /// <summary>
    /// Draws ahead on every device but the CPU. There a step with two threads on two cores took 1.006 times as long, because the draws take
    /// a core from it.
    /// </summary>
    /// <param name="device">The device of the model.</param>
    /// <param name="plan">The positions of each micro-batch, as in the loader.</param>
    /// <param name="draw">Draws the noise of positions, <c>[B, C, H, W]</c> on the CPU. Called on the thread.</param>
    /// <returns>Null on the CPU.</returns>
    public static NoiseAhead? For(Device device, BatchPlan plan, Func<long[], Tensor> draw) =>
        device.type == DeviceType.CPU ? null : new NoiseAhead(plan, draw);

    /// <summary>Takes the noise of a micro-batch, and starts to draw that of the next one.</summary>
    /// <param name="positions">The positions of its images, after those of the call before.</param>
    /// <returns>
    /// The noise, which is valid until the next call and stays the property of this object; null if some images of the micro-batch could
    /// not be read, so that its noise must be drawn by the caller.
    /// </returns>
    public Tensor? Take(ReadOnlySpan<long> positions)
    {
        while (true)
        {
            long first = plan.PositionOf(number);
            if (first > positions[0])
            {
                return null;
            }

            Rest();
            if (failure is not null)
            {
                ExceptionDispatchInfo.Throw(failure);
            }

            made.Wait();
            Tensor? spent = taken;
            taken = next;
            next = spent; // the thread disposes it
            number++;
            asked.Release();
            if (first + plan.BatchSize > positions[0])
            {
                return positions.Length == plan.BatchSize ? taken : null;
            }
        }
    }

    /// <summary>Waits until the thread has nothing to do, so that it creates and disposes no tensors until the next call.</summary>
    public void Rest()
    {
        made.Wait();
        made.Release();
    }

    /// <summary>Ends the thread after its present micro-batch, and frees the noise.</summary>
    public void Dispose()
    {
        stops = true;
        asked.Release();
        thread.Join();
        asked.Dispose();
        made.Dispose();
    }

    private void Work()
    {
        for (long batch = 0; ; batch++)
        {
            asked.Wait();
            if (stops)
            {
                break;
            }

            Draw(plan.PositionOf(batch));
            made.Release();
        }

        next?.Dispose();
        taken?.Dispose();
    }

    private void Draw(long first)
    {
        try
        {
            next?.Dispose();
            next = null;
            long[] positions = new long[plan.BatchSize];
            for (int i = 0; i < positions.Length; i++)
            {
                positions[i] = first + i;
            }

            next = draw(positions);
        }
#pragma warning disable CA1031 // Any error is thrown to the thread that trains, when it needs the noise.
        catch (Exception error)
#pragma warning restore CA1031
        {
            failure = error;
        }
    }
}
