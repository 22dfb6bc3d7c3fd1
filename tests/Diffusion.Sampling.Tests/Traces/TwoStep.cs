using static TorchSharp.torch;

namespace Diffusion.Sampling.Tests.Traces;

/// <summary>DPM-Solver++(2M), written as a user of the library would: it keeps the last estimate of the clean image.</summary>
public sealed record TwoStep : StepSampler
{
    protected override int Depth => 1;

    protected override StepResult Step(SamplingStep step, Tensor x)
    {
        Estimate estimate = step.Denoise(x, step.From);
        PastEstimate kept = new(step.From, Clean: estimate.Clean);
        if (step.To.Sigma == 0)
        {
            return new StepResult(LevelStep.Move(estimate, step.To), kept);
        }

        double h = step.To.HalfLogSnr - step.From.HalfLogSnr;
        double whole = 1 - Math.Exp(-h);
        Tensor next = (step.To.Sigma / step.From.Sigma) * x;
        if (step.Past is not [{ Clean: { } before } past, ..])
        {
            return new StepResult(next + (step.To.Alpha * whole * estimate.Clean), kept);
        }

        double older = whole / 2 / ((past.At.HalfLogSnr - step.From.HalfLogSnr) / h);
        return new StepResult(next + (step.To.Alpha * (((whole - older) * estimate.Clean) + (older * before))), kept);
    }
}
