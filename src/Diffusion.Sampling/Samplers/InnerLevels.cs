namespace Diffusion.Sampling;

/// <summary>Where <see cref="DpmSolverSinglestep"/> has the inner levels of its blocks.</summary>
public enum InnerLevels
{
    /// <summary>At levels of the grid: a block of order k takes k steps.</summary>
    OnGrid,

    /// <summary>Between levels of the grid: a block is one step, and the number of steps counts the calls of the network.</summary>
    OffGrid,
}
