using System.Diagnostics.CodeAnalysis;

namespace Diffusion.Training;

/// <summary>All that is measured between two reports.</summary>
internal sealed class RunGauges : IDisposable
{
    private readonly TimeProvider time;

    /// <param name="time">The clock.</param>
    /// <param name="parameters">Whose gradients are measured.</param>
    /// <param name="update">What knows the norm of the gradients, and whether a step was skipped.</param>
    /// <param name="clip">The norm that gradients are clipped to, or null.</param>
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

    /// <summary>The tensors that parts of the loop leave behind.</summary>
    public TensorLedger Tensors { get; private set; }

    /// <summary>What the parts of the loop take beside training.</summary>
    public TimeLedger Times { get; private set; }

    /// <summary>Begins a run.</summary>
    [MemberNotNull(nameof(Tensors), nameof(Times))]
    public void Begin()
    {
        Meter.Reset();
        Tensors = new TensorLedger();
        Times = new TimeLedger(time);
    }

    /// <summary>A training step ends here.</summary>
    public void EndStep()
    {
        Tensors.End("the training step");
        Times.EndStep();
    }

    /// <summary>Another part of the loop ends here.</summary>
    /// <param name="part">Its name.</param>
    /// <param name="everySteps">After how many steps it comes again.</param>
    /// <param name="alsoAtEnd">Whether it comes after the last step, too.</param>
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
