namespace Diffusion.Sampling;

/// <summary>A PID controller for the step length, from the errors of the last three steps (Söderlind 2003).</summary>
/// <param name="Proportional">Default 0.</param>
/// <param name="Integral">Default 1: the last error alone.</param>
/// <param name="Derivative">Default 0.</param>
/// <param name="MinFactor">A step is repeated if the next one would be shorter than this factor times its length. Default 0.81.</param>
public sealed record StepControl(double Proportional = 0, double Integral = 1, double Derivative = 0, double MinFactor = 0.81);
