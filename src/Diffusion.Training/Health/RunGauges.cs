namespace Diffusion.Training;

/// <summary>All that is measured between two reports.</summary>
internal sealed class RunGauges : IDisposable
{
    /// <param name="setup">The run.</param>
    /// <param name="state">What it changes.</param>
    public RunGauges(TrainerSetup setup, TrainingState state)
    {
        Meter = new TrainingMeter(setup.Time, state.Update, setup.Options.GradientClip, setup.Schedule.Timesteps);
        Blocks = new BlockNorms(state.Parameters);
        NoiseScale = new NoiseScaleGauge(state.Parameters);
    }

    /// <summary>Losses, norms and speed.</summary>
    public TrainingMeter Meter { get; }

    /// <summary>Gradients by block.</summary>
    public BlockNorms Blocks { get; }

    /// <summary>The gradient noise scale.</summary>
    public NoiseScaleGauge NoiseScale { get; }

    /// <summary>The tensors that parts of the loop leave behind.</summary>
    public TensorLedger Tensors { get; private set; } = new();

    /// <summary>Begins a run.</summary>
    public void Begin()
    {
        Meter.Reset();
        Tensors = new TensorLedger();
    }

    public void Dispose()
    {
        Meter.Dispose();
        Blocks.Dispose();
        NoiseScale.Dispose();
    }
}
