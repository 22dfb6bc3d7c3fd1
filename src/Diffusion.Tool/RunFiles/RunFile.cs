using Diffusion.Training;

namespace Diffusion.Tool.RunFiles;

/// <summary>One training run: its images, network, optimizer, training options, processes and page.</summary>
internal sealed class RunFile
{
    /// <summary><c>best</c>, <c>cpu</c>, <c>cuda</c>, <c>cuda:1</c> or <c>mps</c>. Default <c>best</c>.</summary>
    public string Device { get; set; } = "best";

    /// <summary>The images.</summary>
    public DataSection Data { get; set; } = new();

    /// <summary>The network.</summary>
    public NetworkSection Network { get; set; } = new();

    /// <summary>The optimizer.</summary>
    public OptimizerSection Optimizer { get; set; } = new();

    /// <summary>The options of the library, by their names.</summary>
    public TrainingOptions Training { get; set; } = new();

    /// <summary>How several processes train together; not used by a single one.</summary>
    public DistributedOptions Distributed { get; set; } = new();

    /// <summary>The page of the run.</summary>
    public ReportSection Report { get; set; } = new();
}
