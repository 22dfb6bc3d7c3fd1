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
    private readonly WeightLock? gate;
    private bool swapped;

    /// <summary>An average that starts at the parameters' present values.</summary>
    /// <param name="parameters">What is averaged; stays the caller's.</param>
    /// <param name="decay">The limit of the decay, in [0, 1); 0.999 to 0.99999, higher for longer training. Default 0.9999.</param>
    /// <exception cref="ArgumentOutOfRangeException">The decay is outside [0, 1).</exception>
    public EmaWrapper(FlatParameters parameters, double decay = 0.9999)
        : this(parameters, decay, gate: null)
    {
    }

    /// <summary>The average of a trainer, which disposes it.</summary>
    /// <param name="parameters">What is averaged.</param>
    /// <param name="decay">The limit of the decay.</param>
    /// <param name="gate">Guards parameters and average; null where nobody reads them beside the caller.</param>
    internal EmaWrapper(FlatParameters parameters, double decay, WeightLock? gate)
    {
        ArgumentNullException.ThrowIfNull(parameters);
        if (decay is not (>= 0 and < 1))
        {
            throw new ArgumentOutOfRangeException(nameof(decay), decay, "The EMA decay must be at least 0 and below 1. Use 0.9999.");
        }

        this.parameters = parameters;
        this.gate = gate;
        Decay = decay;
        Average = zeros_like(parameters.Values).DetachFromDisposeScope();
        Reset();
    }

    /// <summary>The limit of the decay.</summary>
    public double Decay { get; }

    /// <summary>
    /// The averaged parameters, float32 <c>[Layout.Length]</c>, in the parameters' own layout. It belongs to this object. A trainer that
    /// runs changes it: read it on the training thread (an observer, a preview), or take <see cref="Trainer.SnapshotEma"/>.
    /// </summary>
    public Tensor Average { get; }

    /// <summary>
    /// Keeps a trainer from running, being disposed or swapping another average until the answer is disposed; null without a trainer.
    /// </summary>
    internal Func<IDisposable>? Hold { get; set; }

    /// <summary>The decay of one update.</summary>
    /// <param name="step">The number of the optimizer step, from 1.</param>
    public double DecayAt(long step) => Math.Min(Decay, (1.0 + step) / (10.0 + step));

    /// <summary>Makes the average the parameters' present values, as at the start.</summary>
    public void Reset()
    {
        ThrowIfSwapped();
        using WeightLock.Pass pass = Write();
        using IDisposable noGradients = no_grad();
        Average.copy_(parameters.Values);
    }

    /// <summary>Makes the objective's part of the average its parameters' present values.</summary>
    internal void ResetObjective()
    {
        using WeightLock.Pass pass = Write();
        using IDisposable noGradients = no_grad();
        foreach (FlatEntry entry in parameters.Layout.Entries.Where(entry => entry.Group == ParameterGroup.Objective))
        {
            using Tensor average = FlatLayout.View(Average, entry);
            using Tensor present = FlatLayout.View(parameters.Values, entry);
            average.copy_(present);
        }
    }

    /// <summary>Moves the average towards the parameters' present values.</summary>
    /// <param name="step">The number of the optimizer step just made, from 1.</param>
    /// <param name="skip">float32 scalar on the device: 1 where that step changed nothing, and the average must not either, else 0.</param>
    /// <exception cref="InvalidOperationException">The averaged weights are swapped in.</exception>
    public void Update(long step, Tensor skip)
    {
        ArgumentNullException.ThrowIfNull(skip);
        ThrowIfSwapped();
        using WeightLock.Pass pass = Write();
        using IDisposable noGradients = no_grad();
        using DisposeScope scope = NewDisposeScope();
        Average.lerp_(parameters.Values, (ones_like(skip) - skip).Times(1 - DecayAt(step)));
    }

    /// <summary>
    /// Gives the network the averaged weights until the result is disposed, which gives it its own back. Needs memory for a third copy. A
    /// trainer can neither run nor be disposed meanwhile; to sample, its EmaDenoiser needs no swap.
    /// </summary>
    /// <returns>The scope of the swap; dispose it before the next update.</returns>
    /// <exception cref="InvalidOperationException">They are swapped in already, or the trainer runs.</exception>
    /// <exception cref="ObjectDisposedException">The trainer was disposed.</exception>
    public IDisposable Swap()
    {
        ThrowIfSwapped();
        IDisposable? hold = Hold?.Invoke();
        try
        {
            return new SwapScope(this, hold);
        }
        catch
        {
            hold?.Dispose();
            throw;
        }
    }

    /// <summary>Frees the average. That of a trainer is freed by the trainer, and not by this.</summary>
    public void Dispose()
    {
        if (Hold is null)
        {
            Average.Dispose();
        }
    }

    private WeightLock.Pass Write() => gate is null ? default : gate.Write();

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
        private readonly IDisposable? hold;
        private readonly Tensor own;
        private bool disposed;

        public SwapScope(EmaWrapper ema, IDisposable? hold)
        {
            this.ema = ema;
            this.hold = hold;
            using WeightLock.Pass pass = ema.Write();
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
            hold?.Dispose();
        }

        private void Copy(Tensor from)
        {
            using WeightLock.Pass pass = ema.Write();
            using IDisposable noGradients = no_grad();
            ema.parameters.Values.copy_(from);
        }
    }
}
