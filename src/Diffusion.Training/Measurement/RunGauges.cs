using System.Diagnostics.CodeAnalysis;

namespace Diffusion.Training;

/// <summary>All measurements between two reports.</summary>
internal sealed class RunGauges : IDisposable
{
    private readonly TimeProvider time;

    /// <param name="time">The clock.</param>
    /// <param name="parameters">The parameters whose gradients are measured.</param>
    /// <param name="update">Provides the gradient norm, and whether a step was skipped.</param>
    /// <param name="clip">The norm to which gradients are clipped, or null.</param>
    public RunGauges(TimeProvider time, FlatParameters parameters, ParameterUpdate update, double? clip)
    {
        Meter = new TrainingMeter(time, update, clip);
        Blocks = new BlockNorms(parameters);
        NoiseScale = new NoiseScaleGauge(parameters);
        this.time = time;
        Begin();
    }

    /// <summary>Losses, norms and speed.</summary>
    public TrainingMeter Meter { get; }

    /// <summary>Gradients by block.</summary>
    public BlockNorms Blocks { get; }

    /// <summary>The gradient noise scale.</summary>
    public NoiseScaleGauge NoiseScale { get; }

    /// <summary>The tensors that parts of the training loop leave behind.</summary>
    public TensorLedger Tensors { get; private set; }

    /// <summary>The time that parts of the training loop take in addition to training steps.</summary>
    public TimeLedger Times { get; private set; }

    /// <summary>Starts a run.</summary>
    [MemberNotNull(nameof(Tensors), nameof(Times))]
    public void Begin()
    {
        Meter.Reset();
        Tensors = new TensorLedger();
        Times = new TimeLedger(time);
    }

    /// <summary>Ends a training step.</summary>
    public void EndStep()
    {
        Tensors.End("the training step");
        Times.EndStep();
    }

    /// <summary>Ends another part of the training loop.</summary>
    /// <param name="part">The name of the part.</param>
    /// <param name="everySteps">The number of steps after which the part runs again.</param>
    /// <param name="alsoAtEnd">Whether the part also runs after the last step.</param>
    public void EndPause(string part, long everySteps, bool alsoAtEnd = false)
    {
        Tensors.End(part);
        Times.End(part, everySteps, alsoAtEnd);
    }

    public void Dispose()
    {
        Meter.Dispose();
        Blocks.Dispose();
        NoiseScale.Dispose();
    }
}
