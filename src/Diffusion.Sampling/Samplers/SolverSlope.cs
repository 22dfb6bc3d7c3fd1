namespace Diffusion.Sampling;

/// <summary>
/// The weight that a two-node solver gives to the slope of the estimate over a step: the exact first moment I_1(H), or one of two short
/// forms that agree with it to second order. H is the step in half log-SNR, as the form of the solver scales it.
/// </summary>
public enum SolverSlope
{
    /// <summary>I_0(H) / 2: "midpoint" of DPM-Solver++ and "bh2" of UniPC.</summary>
    HalfPhi,

    /// <summary>I_1(H): "heun" of DPM-Solver++, DEIS and exponential Adams methods.</summary>
    Exact,

    /// <summary>H / 2: "bh1" of UniPC and the second order of SA-Solver.</summary>
    HalfStep,
}
