namespace Diffusion.Tool.RunFiles;

/// <summary>Finds options that only optimizers of other kinds have.</summary>
internal static class OptimizerOptionFit
{
    /// <summary>The problems, each with its remedy.</summary>
    /// <param name="section">The optimizer.</param>
    public static IEnumerable<string> Problems(OptimizerSection section) => Limited(section)
        .Where(option => option.IsGiven && !option.Kinds.Contains(section.Kind))
        .Select(option => $"optimizer.{option.Name} is given, but optimizer.kind is {section.Kind}, and only "
            + $"{Listed(option.Kinds)} {(option.Kinds.Length == 1 ? "has" : "have")} it. Leave it out.");

    private static (string Name, bool IsGiven, OptimizerKind[] Kinds)[] Limited(OptimizerSection section) =>
    [
        ("epsilon", section.Epsilon is not null, [
            OptimizerKind.AdamW, OptimizerKind.Adam, OptimizerKind.AdamW8Bit, OptimizerKind.Prodigy, OptimizerKind.ScheduleFreeAdamW,
        ]),
        ("momentum", section.Momentum is not null, [OptimizerKind.Muon]),
        ("fused", section.Fused is not null, [OptimizerKind.Muon]),
        ("beta3", section.Beta3 is not null, [OptimizerKind.Prodigy]),
        ("d0", section.D0 is not null, [OptimizerKind.Prodigy]),
        ("coefficient", section.Coefficient is not null, [OptimizerKind.Prodigy]),
        ("growthRate", section.GrowthRate is not null, [OptimizerKind.Prodigy]),
        ("biasCorrection", section.BiasCorrection is not null, [OptimizerKind.Prodigy]),
        ("safeguardWarmup", section.SafeguardWarmup is not null, [OptimizerKind.Prodigy]),
    ];

    private static string Listed(OptimizerKind[] kinds) => kinds is [var single]
        ? $"{single}"
        : $"{string.Join(", ", kinds[..^1])} and {kinds[^1]}";
}
