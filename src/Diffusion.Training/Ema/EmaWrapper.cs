using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Training;

/// <summary>
/// An exponential moving average of all parameters, in float32: what sampling uses, because the weights of any one step are noisy.
/// </summary>
/// <remarks>
/// The decay is warmed up as (1 + step) / (10 + step) up to its limit, so that a short run averages what it has learnt and not where it
/// started.
/// </remarks>
public sealed class EmaWrapper : IDisposable
{
    private readonly FlatParameters parameters;
    private bool swapped;

    /// <summary>An average that starts at the parameters' present values.</summary>
    /// <param name="parameters">What is averaged; stays the caller's.</param>
    /// <param name="decay">The limit of the decay, in [0, 1); 0.999 to 0.99999, higher for longer training. Default 0.9999.</param>
    /// <exception cref="ArgumentOutOfRangeException">The decay is outside [0, 1).</exception>
    public EmaWrapper(FlatParameters parameters, double decay = 0.9999)
    {
        ArgumentNullException.ThrowIfNull(parameters);
        if (decay is not (>= 0 and < 1))
        {
            throw new ArgumentOutOfRangeException(nameof(decay), decay, "The EMA decay must be at least 0 and below 1. Use 0.9999.");
        }

        this.parameters = parameters;
        Decay = decay;
        Average = zeros_like(parameters.Values).DetachFromDisposeScope();
        Reset();
    }

    /// <summary>The limit of the decay.</summary>
    public double Decay { get; }

    /// <summary>The averaged parameters, float32 <c>[Layout.Length]</c>, in the parameters' own layout. It belongs to this object.</summary>
    public Tensor Average { get; }

    /// <summary>The decay of one update.</summary>
    /// <param name="step">The number of the optimizer step, from 1.</param>
    public double DecayAt(long step) => Math.Min(Decay, (1.0 + step) / (10.0 + step));

    /// <summary>Makes the average the parameters' present values, as at the start.</summary>
    public void Reset()
    {
        ThrowIfSwapped();
        using IDisposable noGradients = no_grad();
        Average.copy_(parameters.Values);
    }

    /// <summary>Moves the average towards the parameters' present values.</summary>
    /// <param name="step">The number of the optimizer step just made, from 1.</param>
    /// <param name="skip">float32 scalar on the device: 1 where that step changed nothing, and the average must not either, else 0.</param>
    /// <exception cref="InvalidOperationException">The averaged weights are swapped in.</exception>
    public void Update(long step, Tensor skip)
    {
        ArgumentNullException.ThrowIfNull(skip);
        ThrowIfSwapped();
        using IDisposable noGradients = no_grad();
        using DisposeScope scope = NewDisposeScope();
        Average.lerp_(parameters.Values, (ones_like(skip) - skip).Times(1 - DecayAt(step)));
    }

    /// <summary>
    /// Gives the network the averaged weights until the result is disposed, which gives it its own back. Needs memory for a third copy.
    /// For sampling beside training, use the denoiser over the averaged weights instead: nothing is swapped under the trainer.
    /// </summary>
    /// <returns>The scope of the swap; dispose it before the next update.</returns>
    /// <exception cref="InvalidOperationException">They are swapped in already.</exception>
    public IDisposable Swap()
    {
        ThrowIfSwapped();
        return new SwapScope(this);
    }

    /// <summary>Frees the average.</summary>
    public void Dispose() => Average.Dispose();

    private void ThrowIfSwapped()
    {
        if (swapped)
        {
            throw new InvalidOperationException("The averaged weights are swapped in. Dispose the scope that Swap() returned first.");
        }
    }

    private sealed class SwapScope : IDisposable
    {
        private readonly EmaWrapper ema;
        private readonly Tensor own;
        private bool disposed;

        public SwapScope(EmaWrapper ema)
        {
            this.ema = ema;
            own = zeros_like(ema.parameters.Values).DetachFromDisposeScope();
            own.copy_(ema.parameters.Values);
            Copy(ema.Average);
            ema.swapped = true;
        }

        public void Dispose()
        {
            if (disposed)
            {
                return;
            }

            Copy(own);
            own.Dispose();
            ema.swapped = false;
            disposed = true;
        }

        private void Copy(Tensor from)
        {
            using IDisposable noGradients = no_grad();
            ema.parameters.Values.copy_(from);
        }
    }
}
