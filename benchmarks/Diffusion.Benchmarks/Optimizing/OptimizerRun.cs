using System.Globalization;
using Diffusion.Training;

namespace Diffusion.Benchmarks;

/// <summary>An optimizer with its learning rate.</summary>
/// <param name="Name">Its name on the command line.</param>
/// <param name="Factory">The optimizer.</param>
/// <param name="Rate">The learning rate; null for the one that <see cref="LrRangeFinder"/> suggests for the images.</param>
internal sealed record OptimizerRun(string Name, IOptimizerFactory Factory, double? Rate = null)
{
    /// <summary>All of them. Prodigy finds its rate itself: its factor is 1.</summary>
    public static IReadOnlyList<OptimizerRun> All { get; } =
    [
        new("adamw", Optimizers.AdamW()),
        new("adam", Optimizers.Adam()),
        new("lion", Optimizers.Lion()),
        new("muon", Optimizers.Muon()),
        new("prodigy", Optimizers.Prodigy(biasCorrection: true, safeguardWarmup: true), 1),
        new("schedule-free", Optimizers.ScheduleFreeAdamW()),
        new("adamw-8bit", Optimizers.AdamW8Bit()),
        new("torch-sgd", Optimizers.FromTorch(
            "sgd(momentum: 0.9)", (parameters, _) => TorchSharp.torch.optim.SGD(parameters, 0.1, momentum: 0.9))),
    ];

    /// <summary>The runs that are asked for, with the rates that are asked for.</summary>
    /// <param name="asked"><c>name</c> or <c>name=rate</c>; empty for all.</param>
    /// <exception cref="ArgumentException">A name or a rate is unknown.</exception>
    public static IReadOnlyList<OptimizerRun> Of(IReadOnlyList<string> asked) => asked.Count == 0 ? All : [.. asked.Select(Of)];

    private static OptimizerRun Of(string asked)
    {
        string[] parts = asked.Split('=');
        OptimizerRun run = All.FirstOrDefault(one => one.Name == parts[0])
            ?? throw new ArgumentException(
                $"The optimizer is {parts[0]}, but must be one of {string.Join(", ", All.Select(one => one.Name))}.");
        return parts.Length == 1 ? run
            : double.TryParse(parts[1], NumberStyles.Float, CultureInfo.InvariantCulture, out double rate) ? run with { Rate = rate }
            : throw new ArgumentException($"The rate of {parts[0]} is {parts[1]}, but must be a number. Use {run.Name}=1e-3.");
    }
}
