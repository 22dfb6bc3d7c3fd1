namespace Diffusion.Training;

/// <summary>How the values of all processes are combined.</summary>
public enum ReduceOperation
{
    /// <summary>The sum.</summary>
    Sum,

    /// <summary>The maximum.</summary>
    Max,

    /// <summary>The minimum.</summary>
    Min,
}
