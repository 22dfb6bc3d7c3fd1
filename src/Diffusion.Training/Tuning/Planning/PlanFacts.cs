namespace Diffusion.Training;

/// <summary>What a plan is made from.</summary>
internal sealed record PlanFacts
{
    /// <summary>The options of the run.</summary>
    public required TrainingOptions Options { get; init; }

    /// <summary>What is planned for.</summary>
    public required PlanOptions Plan { get; init; }

    /// <summary>What was measured.</summary>
    public required StepCalibration Calibration { get; init; }

    /// <summary>The images that are trained on.</summary>
    public required long Images { get; init; }

    /// <summary>The images that are held out.</summary>
    public required long HeldOutImages { get; init; }

    /// <summary>The size of one image.</summary>
    public required ImageShape Shape { get; init; }

    /// <summary>The parameters of the network.</summary>
    public required long ParameterCount { get; init; }

    /// <summary>The memory of rank 0, or of the only process; null for a network whose memory cannot be estimated.</summary>
    public required MemoryEstimate? Memory { get; init; }

    /// <summary>What a checkpoint holds, in bytes; 0 where nothing is saved.</summary>
    public required long CheckpointBytes { get; init; }
}
