namespace Diffusion.Training;

/// <summary>The decay of an average. A record, so that two laws with the same parameters are equal.</summary>
internal interface IEmaDecay
{
    /// <summary>The law as options name it.</summary>
    string Description { get; }

    /// <summary>The decay that a long run reaches, per step; null if it depends on the length of the run or on the batch.</summary>
    double? Limit => null;

    /// <summary>Returns the decay of one update, in [0, 1].</summary>
    double At(EmaUpdate update);
}

/// <summary>One update of an average.</summary>
/// <param name="Step">The number of the optimizer step, from 1.</param>
/// <param name="ImagesSeen">The images seen so far, including those of this step.</param>
/// <param name="BatchSize">The images of this step.</param>
internal readonly record struct EmaUpdate(long Step, long ImagesSeen, int BatchSize);
