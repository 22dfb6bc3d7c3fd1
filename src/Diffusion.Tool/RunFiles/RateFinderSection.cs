using Diffusion.Training;

namespace Diffusion.Tool.RunFiles;

/// <summary>Finds <c>training.learningRate.peak</c> before the run begins (<see cref="LrRangeFinder"/>).</summary>
internal sealed class RateFinderSection
{
    /// <summary>Whether the peak is found, in place of the one in the file. Default false.</summary>
    public bool Enabled { get; set; }

    /// <summary>The options of the library, by their names.</summary>
    public LrRangeOptions Range { get; set; } = new();

    /// <summary>The peak that was found. Written in the run folder, where a resumed run reads it. Default null: not yet found.</summary>
    public double? Found { get; set; }
}
