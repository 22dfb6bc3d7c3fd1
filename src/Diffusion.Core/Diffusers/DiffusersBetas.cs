using System.Globalization;
using System.Runtime.InteropServices;
using System.Security.Cryptography;

namespace Diffusion;

/// <summary>A noise schedule in diffusers' keys, with diffusers' defaults.</summary>
internal sealed record DiffusersBetas
{
    public int Timesteps { get; init; } = 1000;

    public double Start { get; init; } = 1e-4;

    public double End { get; init; } = 0.02;

    /// <summary>The curve, unless <see cref="Trained"/> lists the betas.</summary>
    public NoiseScheduleKind Curve { get; init; } = NoiseScheduleKind.Linear;

    public IReadOnlyList<double>? Trained { get; init; }

    /// <summary>diffusers' name of a curve.</summary>
    public static string NameOf(NoiseScheduleKind curve) => curve switch
    {
        NoiseScheduleKind.Cosine => "squaredcos_cap_v2",
        _ => JsonValues.SnakeCase(curve),
    };

    /// <summary>A schedule in diffusers' keys.</summary>
    /// <param name="schedule">The schedule.</param>
    /// <param name="kind">
    /// The scheduler that will read it: DDIM's does not support sigmoid, but a list of betas. The laplace of both is another curve, and
    /// neither has exp.
    /// </param>
    /// <exception cref="ArgumentException">diffusers' schedulers cannot express it.</exception>
    public static DiffusersBetas Of(DiscreteSchedule schedule, DiffusersSchedulerKind kind) => schedule switch
    {
        { Formula: { Kind: not (NoiseScheduleKind.Laplace or NoiseScheduleKind.Exponential) } formula }
            when kind == DiffusersSchedulerKind.Ddpm || formula.Kind != NoiseScheduleKind.Sigmoid =>
            FromFormula(schedule.Timesteps, formula),
        _ => new DiffusersBetas { Timesteps = schedule.Timesteps, Trained = schedule.Betas ?? BetasOf(schedule) },
    };

    /// <summary>Lists the problems of the schedule by diffusers' keys.</summary>
    public IEnumerable<string> Problems()
    {
        if (Timesteps is < NoiseSchedule.MinTimesteps or > NoiseSchedule.MaxTimesteps)
        {
            yield return $"num_train_timesteps is {Timesteps}, but must lie in {NoiseSchedule.MinTimesteps}..{NoiseSchedule.MaxTimesteps}.";
        }

        if (Curve is NoiseScheduleKind.Edm or NoiseScheduleKind.RectifiedFlow)
        {
            yield return $"beta_schedule is {Curve}, which has no betas.";
        }

        if (Trained is not null && Trained.Count != Timesteps)
        {
            yield return $"trained_betas has {Trained.Count} numbers, but num_train_timesteps is {Timesteps}.";
        }

        foreach ((double beta, int t) in (Trained ?? []).Select((beta, t) => (beta, t)).Where(b => b.beta is not (> 0 and < 1)).Take(1))
        {
            yield return $"trained_betas has {beta} at {t}, but a beta must lie in (0, 1).";
        }

        (string Key, double Beta)[] limits = Trained is null && Curve != NoiseScheduleKind.Cosine
            ? [("beta_start", Start), ("beta_end", End)]
            : [];
        foreach ((string key, double beta) in limits.Where(limit => limit.Beta is not (> 0 and < 1)))
        {
            yield return $"{key} is {beta}, but must lie in (0, 1).";
        }
    }

    /// <summary>The schedule; <see cref="Problems"/> must be empty.</summary>
    /// <exception cref="ArgumentException">Rounding moved a beta between the first and the last out of (0, 1).</exception>
    public DiscreteSchedule ToSchedule() => (Trained, Curve) switch
    {
        ({ } betas, _) => new DiscreteSchedule(betas, Describe([.. betas])),
        (_, NoiseScheduleKind.Cosine) => NoiseSchedule.Cosine(Timesteps),
        (_, NoiseScheduleKind.Linear) => NoiseSchedule.Linear(Timesteps, Start, End),
        (_, NoiseScheduleKind.ScaledLinear) => NoiseSchedule.ScaledLinear(Timesteps, Start, End),
        _ => NoiseSchedule.Sigmoid(Timesteps, Start, End),
    };

    private static DiffusersBetas FromFormula(int timesteps, BetaFormula formula)
    {
        DiffusersBetas defaults = new() { Timesteps = timesteps, Curve = formula.Kind };
        return defaults with { Start = formula.Start ?? defaults.Start, End = formula.End ?? defaults.End };
    }

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
