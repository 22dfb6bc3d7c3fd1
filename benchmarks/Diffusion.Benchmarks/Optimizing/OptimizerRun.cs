using System.Globalization;
using Diffusion.Training;

namespace Diffusion.Benchmarks;

/// <summary>An optimizer with its learning rate.</summary>
/// <param name="Name">Its name on the command line.</param>
/// <param name="Factory">The optimizer.</param>
/// <param name="Rate">The learning rate; a factor for Prodigy.</param>
internal sealed record OptimizerRun(string Name, IOptimizerFactory Factory, double Rate)
{
    private const double AdamRate = 1e-3;

    /// <summary>
    /// All of them. Muon's and 8-bit AdamW's rate is AdamW's, Lion's a fifth of it; the schedule-free one is higher, as its paper advises.
    /// </summary>
    public static IReadOnlyList<OptimizerRun> All { get; } =
    [
        new("adamw", Optimizers.AdamW(), AdamRate),
        new("adam", Optimizers.Adam(), AdamRate),
        new("lion", Optimizers.Lion(), AdamRate / 5),
        new("muon", Optimizers.Muon(), AdamRate),
        new("prodigy", Optimizers.Prodigy(biasCorrection: true, safeguardWarmup: true), 1),
        new("schedule-free", Optimizers.ScheduleFreeAdamW(), 2 * AdamRate),
        new("adamw-8bit", Optimizers.AdamW8Bit(), AdamRate),
        new("torch-sgd", Optimizers.FromTorch(
            "sgd(momentum: 0.9)", (parameters, _) => TorchSharp.torch.optim.SGD(parameters, AdamRate, momentum: 0.9)), 0.1),
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
            : throw new ArgumentException($"The rate of {parts[0]} is {parts[1]}, but must be a number. Use {run.Name}={run.Rate}.");
    }
}
