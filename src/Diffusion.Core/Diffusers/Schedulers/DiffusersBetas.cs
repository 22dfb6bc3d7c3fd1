using System.Globalization;
using System.Runtime.InteropServices;
using System.Security.Cryptography;

namespace Diffusion;

/// <summary>A noise schedule in diffusers' keys, with diffusers' defaults.</summary>
internal sealed record DiffusersBetas
{
    private static readonly (string Name, NoiseScheduleKind Curve)[] Names =
    [
        ("linear", NoiseScheduleKind.Linear), ("scaled_linear", NoiseScheduleKind.ScaledLinear),
        ("squaredcos_cap_v2", NoiseScheduleKind.Cosine), ("sigmoid", NoiseScheduleKind.Sigmoid), ("exp", NoiseScheduleKind.Exponential),
        ("laplace", NoiseScheduleKind.Laplace),
    ];

    public int Timesteps { get; init; } = 1000;

    public double Start { get; init; } = 1e-4;

    public double End { get; init; } = 0.02;

    /// <summary>The curve, unless <see cref="Trained"/> lists the betas.</summary>
    public NoiseScheduleKind Curve { get; init; } = NoiseScheduleKind.Linear;

    public IReadOnlyList<double>? Trained { get; init; }

    /// <summary>Whether the alphas are rescaled so that the last timestep is pure noise.</summary>
    public bool HasZeroTerminalSnr { get; init; }

    /// <summary>diffusers' names of the curves.</summary>
    public static IReadOnlyList<string> CurveNames => [.. Names.Select(pair => pair.Name)];

    /// <summary>diffusers' name of a curve.</summary>
    public static string NameOf(NoiseScheduleKind curve) => Names.First(pair => pair.Curve == curve).Name;

    /// <summary>The curve of a name in diffusers.</summary>
    public static NoiseScheduleKind CurveOf(string name) => Names.First(pair => pair.Name == name).Curve;

    /// <summary>A schedule in diffusers' keys.</summary>
    /// <param name="schedule">The schedule.</param>
    /// <param name="curves">
    /// The curves of the scheduler that will read it, without Laplace: that of diffusers differs. Another curve is written as a list of
    /// betas.
    /// </param>
    /// <param name="defaults">The values of keys that have no effect.</param>
    /// <exception cref="ArgumentException">diffusers' schedulers cannot express it.</exception>
    public static DiffusersBetas Of(DiscreteSchedule schedule, IReadOnlyList<NoiseScheduleKind> curves, DiffusersBetas defaults) =>
        schedule switch
        {
            { Formula: { } formula } when curves.Contains(formula.Kind) => defaults with
            {
                Timesteps = schedule.Timesteps, Curve = formula.Kind, Start = formula.Start ?? defaults.Start,
                End = formula.End ?? defaults.End,
            },
            _ => defaults with { Timesteps = schedule.Timesteps, Trained = schedule.Betas ?? BetasOf(schedule) },
        };

    /// <summary>Lists the problems of the schedule by diffusers' keys.</summary>
    public IEnumerable<string> Problems()
    {
        if (Timesteps is < DiscreteSchedule.MinTimesteps or > NoiseSchedule.MaxTimesteps)
        {
            yield return "num_train_timesteps is "
                + $"{Timesteps}, but must lie in {DiscreteSchedule.MinTimesteps}..{NoiseSchedule.MaxTimesteps}.";
        }

        if (Trained is not null && Trained.Count != Timesteps)
        {
            yield return $"trained_betas has {Trained.Count} numbers, but num_train_timesteps is {Timesteps}.";
        }

        foreach ((double beta, int t) in (Trained ?? []).Select((beta, t) => (beta, t)).Where(b => b.beta is not (> 0 and < 1)).Take(1))
        {
            yield return $"trained_betas has {beta} at {t}, but a beta must lie in (0, 1).";
        }

        (string Key, double Beta)[] limits = Trained is null && HasLimits
            ? [("beta_start", Start), ("beta_end", End)]
            : [];
        foreach ((string key, double beta) in limits.Where(limit => limit.Beta is not (> 0 and < 1)))
        {
            yield return $"{key} is {beta}, but must lie in (0, 1).";
        }
    }

    /// <summary>The schedule; <see cref="Problems"/> must be empty.</summary>
    /// <exception cref="ArgumentException">Rounding moved a beta between the first and the last out of (0, 1).</exception>
    public DiscreteSchedule ToSchedule() => HasZeroTerminalSnr ? Unscaled().WithZeroTerminalSnr() : Unscaled();

    private DiscreteSchedule Unscaled() => (Trained, Curve) switch
    {
        ({ } betas, _) => Listed([.. betas]),
        (_, NoiseScheduleKind.Laplace) => Listed(Laplace(Timesteps)),
        _ when Timesteps < NoiseSchedule.MinTimesteps => Short(),
        (_, NoiseScheduleKind.Cosine) => NoiseSchedule.Cosine(Timesteps),
        (_, NoiseScheduleKind.Linear) => NoiseSchedule.Linear(Timesteps, Start, End),
        (_, NoiseScheduleKind.ScaledLinear) => NoiseSchedule.ScaledLinear(Timesteps, Start, End),
        (_, NoiseScheduleKind.Exponential) => NoiseSchedule.Exponential(Timesteps),
        _ => NoiseSchedule.Sigmoid(Timesteps, Start, End),
    };

    private bool HasLimits => Curve is NoiseScheduleKind.Linear or NoiseScheduleKind.ScaledLinear or NoiseScheduleKind.Sigmoid;

    // A curve with fewer timesteps than a named schedule has.
    private DiscreteSchedule Short()
    {
        BetaFormula formula = HasLimits ? new BetaFormula(Curve, Start, End) : new BetaFormula(Curve);
        double[] betas = formula.Betas(Timesteps);
        return new DiscreteSchedule(betas, Describe(betas)) { Formula = formula };
    }

    private static DiscreteSchedule Listed(double[] betas) => new(betas, Describe(betas));

    // The alpha-bar of diffusers is the square root of the published one: networks of this name were trained with it.
    private static double[] Laplace(int timesteps) =>
        [.. new BetaFormula(NoiseScheduleKind.Laplace).Betas(timesteps).Select(beta => 1 - Math.Sqrt(1 - beta))];

    // alpha-bar[t] = alpha-bar[t - 1] * (1 - beta[t]).
    private static double[] BetasOf(DiscreteSchedule schedule)
    {
        double[] betas = new double[schedule.Timesteps];
        double before = 1;
        for (int t = 0; t < betas.Length; t++)
        {
            NoiseLevel level = schedule[t];
            double alphaBar = level.Alpha * level.Alpha;
            betas[t] = 1 - (alphaBar / before);
            before = alphaBar;
            if (level.Label != t || Math.Abs(alphaBar + (level.Sigma * level.Sigma) - 1) > 1e-6 || betas[t] is not (> 0 and < 1))
            {
                throw new ArgumentException(
                    $"diffusers cannot express {schedule.Description}: at timestep {t} it is {level}, but alpha^2 + sigma^2 must be 1, "
                    + "the label the timestep, and alpha fall and stay above 0. Train with a schedule of NoiseSchedule.");
            }
        }

        return betas;
    }

    /// <summary>The description of a schedule from a list of betas, which distinguishes it from others.</summary>
    public static string Describe(double[] betas)
    {
        string hash = Convert.ToHexStringLower(SHA256.HashData(MemoryMarshal.AsBytes(betas.AsSpan())));
        return string.Create(CultureInfo.InvariantCulture, $"trained-betas(timesteps: {betas.Length}, sha256: {hash[..16]})");
    }
}
