namespace Diffusion.Sampling;

/// <summary>Timesteps of a discrete schedule, from the noisiest down, then the clean image.</summary>
/// <param name="Spacing">
/// How they are spaced. Trailing starts at T-1, the only timestep whose training images were as close to pure noise as the initial noise
/// (Lin et al. 2024, section 3.3). Data whose mean is far from mid-gray gain most.
/// </param>
public sealed record TimestepGrid(TimestepSpacing Spacing = TimestepSpacing.Trailing) : ISamplingGrid
{
    /// <summary>
    /// Leading only: the offset added to each timestep, as far as the schedule goes. Default 0; 1 is usual where the last step leaves
    /// timestep 1. A single step ignores it.
    /// </summary>
    public int StepsOffset { get; init; }

    /// <summary>
    /// Whether the last step ends at the clean image. Default true; false ends at the noise level of timestep 0, as for models that
    /// diffusers published with <c>set_alpha_to_one</c> false. A grid whose last timestep is 0 then has one step less.
    /// </summary>
    public bool EndsClean { get; init; } = true;

    /// <summary>
    /// Only where <see cref="EndsClean"/> is false and the last timestep is 0: whether a step from timestep 0 to its own level is kept. It
    /// moves nothing, but clips the images once more, as diffusers' DDIM does. Only <see cref="DdimSampler"/> takes it. Default false.
    /// </summary>
    public bool KeepsStepAtZero { get; init; }

    /// <summary>
    /// Leading and linspace: whether timestep 0 is left out, by spacing N + 1 timesteps without the last, as diffusers does for solvers of
    /// the DPM-Solver family. Default false.
    /// </summary>
    public bool ExcludesZero { get; init; }

    /// <summary>
    /// Linspace only: whether timesteps are rounded. Default true; false spaces them exactly, as diffusers does for solvers over sigma
    /// (Euler, Heun, LMS, KDPM2).
    /// </summary>
    public bool IsRounded { get; init; } = true;

    /// <inheritdoc/>
    public int? MaxSteps(INoiseSchedule schedule) => schedule is DiscreteSchedule discrete
        ? Math.Max(1, discrete.Timesteps - (ExcludesZero ? 1 : 0) - (Spacing == TimestepSpacing.Leading ? StepsOffset : 0))
        : null;

    /// <inheritdoc/>
    public IEnumerable<string> Problems(INoiseSchedule schedule, int steps)
    {
        if (schedule is not DiscreteSchedule { Timesteps: var timesteps })
        {
            return GridProblems.Timesteps(schedule);
        }

        int max = ExcludesZero ? timesteps - 1 : timesteps;
        string? problem = !Enum.IsDefined(Spacing) ? $"Spacing is {Spacing}, which is unknown. Use Trailing, Leading or Linspace."
            : Spacing == TimestepSpacing.Trailing && ExcludesZero
                ? "ExcludesZero is set, but trailing timesteps never include 0. Leave it false."
            : steps < 1 || steps > max
                ? $"Steps is {steps}, but must lie in 1..{max}, the schedule's timesteps{(ExcludesZero ? " without 0" : "")}."
            : OffsetProblem(Spacing, steps, timesteps, StepsOffset, ExcludesZero);
        return problem is null ? [] : [problem];
    }

    /// <inheritdoc/>
    public IReadOnlyList<NoiseLevel> Levels(INoiseSchedule schedule, int steps)
    {
        DiscreteSchedule discrete = (DiscreteSchedule)schedule;
        double[] times = Times(steps, discrete.Timesteps);
        return EndsClean ? [.. times.Select(discrete.At), NoiseLevel.Clean]
            : times[^1] > 0 || KeepsStepAtZero ? [.. times.Select(discrete.At), discrete[0]]
            : [.. times.Select(discrete.At)];
    }

    /// <summary>N timesteps of a schedule of T.</summary>
    /// <remarks>
    /// Trailing and linspace timesteps are rounded from their exact positions, not accumulated from a rounded stride, so that any N spans
    /// the schedule and no timestep repeats: exact positions of neighbors are at least 1 apart, and rounding to nearest keeps them apart.
    /// </remarks>
    /// <param name="spacing">How they are spaced.</param>
    /// <param name="steps">N, 1 to <paramref name="timesteps"/>; without timestep 0 one less.</param>
    /// <param name="timesteps">T, at least 1.</param>
    /// <param name="offset">
    /// Leading only: the offset added to each timestep, as far as the schedule goes; 0 for other spacings. A single step ignores it.
    /// </param>
    /// <param name="excludesZero">Leading and linspace: whether N + 1 timesteps are spaced, without the last.</param>
    /// <returns>N different integers in [0, T-1], descending.</returns>
    /// <exception cref="ArgumentOutOfRangeException">N, T or the offset is out of its range, or the spacing is unknown.</exception>
    public static int[] Create(TimestepSpacing spacing, int steps, int timesteps, int offset = 0, bool excludesZero = false)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(timesteps, 1);
        int points = excludesZero ? steps + 1 : steps;
        if (steps < 1 || points > timesteps)
        {
            throw new ArgumentOutOfRangeException(nameof(steps), steps,
                $"The number of steps must lie in 1..{timesteps - points + steps}, the schedule's timesteps.");
        }

        if (OffsetProblem(spacing, steps, timesteps, offset, excludesZero) is { } problem)
        {
            throw new ArgumentOutOfRangeException(nameof(offset), offset, problem);
        }

        // A single step must start from the noisiest timestep, whatever the spacing; leading and linspace would start from 0.
        return (spacing, points) switch
        {
            (_, 1) => [timesteps - 1],
            (TimestepSpacing.Trailing, _) => Descending(points, steps, k => Round((k + 1) * timesteps, steps) - 1),
            (TimestepSpacing.Leading, _) => Descending(points, steps, k => (int)(k * (timesteps / points)) + offset),
            (TimestepSpacing.Linspace, _) => Descending(points, steps, k => (int)Math.Round(Linear(k, points, timesteps))),
            _ => throw new ArgumentOutOfRangeException(nameof(spacing), spacing,
                "The spacing is unknown. Use Trailing, Leading or Linspace."),
        };
    }

    // Why an offset does not fit a valid number of steps.
    private static string? OffsetProblem(TimestepSpacing spacing, int steps, int timesteps, int offset, bool excludesZero)
    {
        int points = excludesZero ? steps + 1 : steps;
        int max = spacing == TimestepSpacing.Leading ? timesteps - 1 - ((points - 1) * (timesteps / points)) : 0;
        return offset >= 0 && offset <= max
            ? null
            : $"StepsOffset is {offset}, but with {spacing} spacing and {steps} steps of {timesteps} must lie in 0..{max}, "
                + "or the first step would lie beyond the schedule. Use 0, or Leading with fewer steps.";
    }

    private static int[] Descending(int points, int steps, Func<long, int> timestep) =>
        [.. Enumerable.Range(0, steps).Select(i => timestep(points - 1 - i))];

    // Rounds halves to even, as Python does. A quotient of such small integers is never rounded onto a half.
    private static int Round(long numerator, int denominator) => (int)Math.Round((double)numerator / denominator, MidpointRounding.ToEven);

    // As numpy's linspace: a multiple of the rounded stride, but the last point exact.
    private static double Linear(long k, int points, int timesteps) =>
        k == points - 1 ? timesteps - 1 : k * ((timesteps - 1.0) / (points - 1));

    private double[] Times(int steps, int timesteps)
    {
        int points = ExcludesZero ? steps + 1 : steps;
        return Spacing == TimestepSpacing.Linspace && !IsRounded && points > 1
            ? [.. Enumerable.Range(0, steps).Select(i => Linear(points - 1 - i, points, timesteps))]
            : [.. Create(Spacing, steps, timesteps, StepsOffset, ExcludesZero).Select(t => (double)t)];
    }
}
