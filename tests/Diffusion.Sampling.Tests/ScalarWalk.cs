namespace Diffusion.Sampling.Tests;

/// <summary>
/// What a walk does to one pixel of the Gaussian oracle when nothing is clipped: everything is linear, so the sample is
/// First * x_T + Offset + sum of Added[i] * z_i, with z_i the noise of step i. The numbers of the tests come from a program in another
/// language, written from the papers' formulas in alpha-bar.
/// </summary>
public sealed record ScalarWalk(double First, double Offset, params double[] Added);
