using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Training;

/// <summary>
/// A moving average of all parameters, in float32. Sampling uses it, because the weights of a single step are noisy. Its
/// <see cref="EmaLaw"/> says how long it remembers.
/// </summary>
public sealed class EmaWrapper : IDisposable
{
    private readonly FlatParameters parameters;
    private readonly FlatParameters all;
    private readonly WeightLock? gate;
    private readonly bool onCpu;
    private bool swapped;

    /// <summary>Creates an average that starts at the current values of the parameters.</summary>
    /// <param name="parameters">The parameters to average. The caller owns them.</param>
    /// <param name="law">The decay of each update. Null, the default, for <see cref="EmaLaw.Default"/>.</param>
    /// <param name="onCpu">
    /// Whether the average is kept in the memory of the host: each update then waits for a copy of the weights. Default false: on the
    /// device of the parameters.
    /// </param>
    public EmaWrapper(FlatParameters parameters, EmaLaw? law = null, bool onCpu = false)
        : this(parameters, law ?? EmaLaw.Default, gate: null, all: null, onCpu)
    {
    }

    /// <summary>Creates the average of a trainer, which disposes it.</summary>
    /// <param name="parameters">The parameters to average.</param>
    /// <param name="law">The decay of each update.</param>
    /// <param name="gate">Guards the parameters and the average; null if only the caller reads them.</param>
    /// <param name="all">
    /// All parameters of the network, if other processes average those that are not in <paramref name="parameters"/>. Null, the default, if
    /// these are all.
    /// </param>
    /// <param name="onCpu">Whether the average is kept in the memory of the host. Default false.</param>
    internal EmaWrapper(FlatParameters parameters, EmaLaw law, WeightLock? gate, FlatParameters? all = null, bool onCpu = false)
    {
        ArgumentNullException.ThrowIfNull(parameters);
        ArgumentNullException.ThrowIfNull(law);
        this.parameters = parameters;
        this.gate = gate;
        this.all = all ?? parameters;
        this.onCpu = onCpu;
        Law = law;
        Held = zeros(parameters.Values.shape, ScalarType.Float32, onCpu ? CPU : parameters.Values.device).DetachFromDisposeScope();
        Reset();
    }

    /// <summary>The decay of each update.</summary>
    public EmaLaw Law { get; internal set; }

    /// <summary>
    /// Optimizer steps between two updates, at least 1. The decay of an update is the product of the decays of these steps, so the average
    /// covers the same number of steps. Default 1.
    /// </summary>
    public int EverySteps
    {
        get;
        init
        {
            ArgumentOutOfRangeException.ThrowIfLessThan(value, 1);
            field = value;
        }
    } = 1;

    /// <summary>
    /// The optimizer that averages the weights itself (<see cref="IOptimizerFactory.AveragesWeights"/>): this then holds its weights to
    /// use. Null, the default, averages by the law.
    /// </summary>
    public IOptimizer? CopiesFrom { get; init; }

    /// <summary>
    /// The averaged parameters, float32 <c>[Layout.Length]</c>, in the layout of the parameters, on their device or, if so chosen, in the
    /// memory of the host. This object owns it. A running trainer changes it: read it on the training thread (in an observer or a preview),
    /// or use <see cref="Trainer.SnapshotEma"/>.
    /// </summary>
    /// <exception cref="InvalidOperationException">
    /// Several processes hold parts of it (<c>DistributedOptions.ShardOptimizer</c>), and it is not put together now.
    /// </exception>
    public Tensor Average => ReferenceEquals(all, parameters) ? Held : Whole ?? throw new InvalidOperationException(Absence);

    /// <summary>Why an average is not on the device now.</summary>
    internal const string AbsenceOnDevice = "The averaged weights are in the memory of the host (EmaOnCpu). They are on the device in "
        + "previews, where images are sampled, and after the run. Use them there, or read a checkpoint of the run.";

    /// <summary>Why an average is not there now.</summary>
    internal const string Absence = "The processes of this run hold parts of the averaged weights (ShardOptimizer). Rank 0 has all of them "
        + "in its previews, and every process after the run. Use them there, or read a checkpoint of the run.";

    /// <summary>The averaged parameters that this process holds.</summary>
    internal Tensor Held { get; }

    /// <summary>All averaged parameters while they are put together from the parts of several processes; otherwise null.</summary>
    internal Tensor? Whole { get; set; }

    /// <summary>
    /// Prevents a trainer from running, being disposed or swapping another average until the result is disposed; null without a trainer.
    /// </summary>
    internal Func<IDisposable>? Hold { get; set; }

    /// <summary>Sets the average to the current values of the parameters, as at the start.</summary>
    public void Reset()
    {
        ThrowIfSwapped();
        using WeightLock.Pass pass = Write();
        using IDisposable noGradients = no_grad();
        Held.copy_(parameters.Values);
        Whole?.copy_(all.Values);
    }

    /// <summary>Sets the objective's part of the average to the current values of its parameters.</summary>
    internal void ResetObjective()
    {
        using WeightLock.Pass pass = Write();
        using IDisposable noGradients = no_grad();
        foreach (FlatEntry entry in parameters.Layout.Entries.Where(entry => entry.Group == ParameterGroup.Objective))
        {
            using Tensor average = FlatLayout.View(Held, entry);
            using Tensor present = FlatLayout.View(parameters.Values, entry);
            average.copy_(present);
        }
    }

    /// <summary>
    /// Moves the average toward the current values of the parameters. Does nothing if <see cref="EverySteps"/> does not divide the step.
    /// </summary>
    /// <param name="step">The number of the optimizer step just taken, from 1.</param>
    /// <param name="skip">
    /// A float32 scalar on the device: 1 if that step was skipped and the average must not change, otherwise 0. It does not matter if
    /// <see cref="EverySteps"/> is above 1, because the update covers earlier steps too.
    /// </param>
    /// <param name="imagesSeen">
    /// The images seen so far, including those of this step. Only <see cref="EmaLaw.HalfLife"/> needs it. Default 0.
    /// </param>
    /// <param name="batchSize">The images of this step. Only <see cref="EmaLaw.HalfLife"/> needs it. Default 0.</param>
    /// <exception cref="InvalidOperationException">The averaged weights are swapped in.</exception>
    public void Update(long step, Tensor skip, long imagesSeen = 0, int batchSize = 0)
    {
        ArgumentNullException.ThrowIfNull(skip);
        ThrowIfSwapped();
        if (step % EverySteps != 0)
        {
            return;
        }

        double share = 1 - Law.DecayOver(EverySteps, step, imagesSeen, batchSize);
        using WeightLock.Pass pass = Write();
        using IDisposable noGradients = no_grad();
        using DisposeScope scope = NewDisposeScope();
        if (CopiesFrom is { } optimizer)
        {
            CopyFrom(optimizer);
            return;
        }

        Tensor weight = EverySteps == 1 ? (ones_like(skip) - skip).Times(share) : ones_like(skip).Times(share);
        (Tensor present, weight) = onCpu ? (parameters.Values.ToHost(), weight.ToHost()) : (parameters.Values, weight);
        Held.lerp_(present, weight);
    }

    /// <summary>
    /// Puts the averaged weights into the network until the result is disposed, which restores the network's own weights. Needs memory for
    /// a third copy. Meanwhile, the trainer can neither run nor be disposed. Sampling with <see cref="Trainer.EmaDenoiser"/> needs no swap.
    /// </summary>
    /// <returns>The scope of the swap. Dispose it before the next update.</returns>
    /// <exception cref="InvalidOperationException">
    /// The averaged weights are already swapped in or not there (<see cref="Average"/>), or the trainer is running.
    /// </exception>
    /// <exception cref="ObjectDisposedException">The trainer is disposed.</exception>
    public IDisposable Swap()
    {
        ThrowIfSwapped();
        ThrowIfAbsent();
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
            Held.Dispose();
        }
    }

    /// <summary>Throws if the average is not there now, because other processes hold parts of it.</summary>
    internal void ThrowIfAbsent() => _ = Average;

    private void CopyFrom(IOptimizer optimizer)
    {
        Tensor weights = onCpu ? zeros_like(parameters.Values) : Held; // the optimizer computes on the device
        optimizer.CopyWeightsToUse(weights);
        if (onCpu)
        {
            Held.copy_(weights);
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
            own = zeros_like(ema.all.Values).DetachFromDisposeScope();
            own.copy_(ema.all.Values);
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
            ema.all.Values.copy_(from);
            ema.all.RoundValues();
        }
    }
}
