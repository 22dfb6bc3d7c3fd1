using Diffusion.Training;

namespace Diffusion.Tool.RunFiles;

/// <summary>One training run: its device, images, network, optimizer, training options, processes and page.</summary>
internal sealed class RunFile
{
    /// <summary>The name of the run in metrics and spans. Default null: that of the run folder.</summary>
    public string? Name { get; set; }

    /// <summary><c>best</c>, <c>cpu</c>, <c>cuda</c>, <c>cuda:1</c> or <c>mps</c>. Default <c>best</c>.</summary>
    public string Device { get; set; } = "best";

    /// <summary>The CPU threads of libtorch, at least 1. Default null: as many as the process has.</summary>
    public int? CpuThreads { get; set; }

    /// <summary>The images.</summary>
    public DataSection Data { get; set; } = new();

    /// <summary>The network.</summary>
    public NetworkSection Network { get; set; } = new();

    /// <summary>The optimizer.</summary>
    public OptimizerSection Optimizer { get; set; } = new();

    /// <summary>The options of the library, by their names.</summary>
    public TrainingOptions Training { get; set; } = new();

    /// <summary>Finds the learning rate before the run begins.</summary>
    public RateFinderSection RateFinder { get; set; } = new();

    /// <summary>How several processes train together; not used by a single one.</summary>
    public DistributedOptions Distributed { get; set; } = new();

    /// <summary>The page of the run.</summary>
    public ReportSection Report { get; set; } = new();
}
