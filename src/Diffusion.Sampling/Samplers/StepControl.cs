namespace Diffusion.Sampling;

/// <summary>How the length of a step follows from the errors of the last three, as a PID controller (Söderlind 2003).</summary>
/// <param name="Proportional">Default 0.</param>
/// <param name="Integral">Default 1: the last error alone.</param>
/// <param name="Derivative">Default 0.</param>
/// <param name="MinFactor">A step whose successor would be shorter than this times its own length is made again. Default 0.81.</param>
public sealed record StepControl(double Proportional = 0, double Integral = 1, double Derivative = 0, double MinFactor = 0.81);
