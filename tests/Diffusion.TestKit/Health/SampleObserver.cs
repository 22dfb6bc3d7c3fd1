using Diffusion.Sampling;
using Diffusion.Training;
using static TorchSharp.torch;

namespace Diffusion.TestKit;

/// <summary>Samples a run of at least 200 steps now and then, and lets the run compare the samples with its data.</summary>
internal sealed class SampleObserver : IRunObserver
{
    private const int EverySteps = 200;
    private const int Samples = 16;

    private int? classes;
    private long firstStep;

    /// <summary>Whether samples are judged before the step at which they should be recognizable.</summary>
    public bool JudgesEarly { get; init; }

    public int? PreviewEverySteps(TrainingOptions options) => options.Steps >= EverySteps ? EverySteps : null;

    public void Begin(RunStart start) => (classes, firstStep) = (start.ModelClasses, JudgesEarly ? 0 : start.FirstSamplesStep);

    public void Preview(TrainingPreview preview)
    {
        if (preview.Step < firstStep)
        {
            return;
        }

        SampleRequest request = new() { Count = Samples, ClassLabels = SampleRequest.ClassesInTurn(Samples, classes) };
        using Tensor samples = new DpmSolver { Steps = 20 }.Sample(preview.EmaDenoiser, request);
        preview.Check(samples);
    }

    public void Report(TrainingProgress value)
    {
        // Only the samples matter.
    }

    public void Report(HealthFinding value)
    {
        // The run has a listener of its own.
    }

    public void End(RunEnd end)
    {
        // Nothing is open.
    }
}
