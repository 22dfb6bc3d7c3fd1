using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Training;

/// <summary>
/// An exponential moving average of all parameters, in float32. Sampling uses it, because the weights of a single step are noisy.
/// </summary>
/// <remarks>
/// The decay is warmed up as (1 + step) / (10 + step) until it reaches <see cref="Decay"/>, so that a short run averages the weights that
/// it has learned rather than the initial ones.
/// </remarks>
public sealed class EmaWrapper : IDisposable
{
    private readonly FlatParameters parameters;
    private readonly WeightLock? gate;
    private bool swapped;

    /// <summary>Creates an average that starts at the current values of the parameters.</summary>
    /// <param name="parameters">The parameters to average. The caller owns them.</param>
    /// <param name="decay">The maximum decay, in [0, 1). 0.999 to 0.99999 is usual, higher for longer training. Default 0.9999.</param>
    /// <exception cref="ArgumentOutOfRangeException">The decay is outside [0, 1).</exception>
    public EmaWrapper(FlatParameters parameters, double decay = 0.9999)
        : this(parameters, decay, gate: null)
    {
    }

    /// <summary>Creates the average of a trainer, which disposes it.</summary>
    /// <param name="parameters">The parameters to average.</param>
    /// <param name="decay">The maximum decay.</param>
    /// <param name="gate">Guards the parameters and the average; null if only the caller reads them.</param>
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

    /// <summary>The maximum decay.</summary>
    public double Decay { get; }

    /// <summary>
    /// The averaged parameters, float32 <c>[Layout.Length]</c>, in the layout of the parameters. This object owns it. A running trainer
    /// changes it: read it on the training thread (in an observer or a preview), or use <see cref="Trainer.SnapshotEma"/>.
    /// </summary>
    public Tensor Average { get; }

    /// <summary>
    /// Prevents a trainer from running, being disposed or swapping another average until the result is disposed; null without a trainer.
    /// </summary>
    internal Func<IDisposable>? Hold { get; set; }

    /// <summary>Returns the decay of one update.</summary>
    /// <param name="step">The number of the optimizer step, from 1.</param>
    public double DecayAt(long step) => Math.Min(Decay, (1.0 + step) / (10.0 + step));

    /// <summary>Sets the average to the current values of the parameters, as at the start.</summary>
    public void Reset()
    {
        ThrowIfSwapped();
        using WeightLock.Pass pass = Write();
        using IDisposable noGradients = no_grad();
        Average.copy_(parameters.Values);
    }

    /// <summary>Sets the objective's part of the average to the current values of its parameters.</summary>
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

    /// <summary>Moves the average towards the current values of the parameters.</summary>
    /// <param name="step">The number of the optimizer step just taken, from 1.</param>
    /// <param name="skip">A float32 scalar on the device: 1 if that step was skipped and the average must not change, otherwise 0.</param>
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
    /// Puts the averaged weights into the network until the result is disposed, which restores the network's own weights. Needs memory for
    /// a third copy. Meanwhile, the trainer can neither run nor be disposed. Sampling with <see cref="Trainer.EmaDenoiser"/> needs no swap.
    /// </summary>
    /// <returns>The scope of the swap. Dispose it before the next update.</returns>
    /// <exception cref="InvalidOperationException">The averaged weights are already swapped in, or the trainer is running.</exception>
    /// <exception cref="ObjectDisposedException">The trainer is disposed.</exception>
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

    /// <summary>Disposes the average. Does nothing if a trainer owns it.</summary>
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
