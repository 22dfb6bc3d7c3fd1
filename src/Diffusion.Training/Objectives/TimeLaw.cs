namespace Diffusion.Training;

/// <summary>Which times a network is trained on.</summary>
public static class TimeLaw
{
    /// <summary>Every time is as likely as every other (Ho et al. 2020, algorithm 1).</summary>
    public static ITimeLaw Uniform { get; } = new UniformTimes();
}
