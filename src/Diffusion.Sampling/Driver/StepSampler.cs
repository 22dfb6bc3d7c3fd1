using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Sampling;

/// <summary>
/// A sampler that steps through a grid of noise levels. A derived sampler defines one step; grid, initial noise, clipping, progress,
/// cancellation, memory and batches are handled here.
/// </summary>
public abstract record StepSampler : ISampler
{
    /// <summary>
    /// How many steps, at least 1. Null, the default, for the number of a grid that has only one (<see cref="ISamplingGrid.Steps"/>), and
    /// otherwise for the usual number of the sampler: every timestep of the schedule for <see cref="DdpmSampler"/> (1000 without
    /// timesteps), 1000 for <see cref="PredictorCorrectorSampler"/>, 8 for <see cref="ConsistencySampler"/> and <see cref="TcdSampler"/>,
    /// and 50 for the others; as many as there are timesteps, or as the grid has, where these are fewer.
    /// </summary>
    public int? Steps { get; init; }

    /// <summary>
    /// The noise levels. Null, the default, for the schedule's usual grid: <see cref="SamplingGrid.UsualFor"/>.
    /// </summary>
    public ISamplingGrid? Grid { get; init; }

    /// <summary>How estimates outside [-1, 1] are handled. Default <see cref="SampleClipping.Clip"/>.</summary>
    public SampleClipping Clipping { get; init; } = SampleClipping.Clip;

    /// <summary>How many estimates of earlier steps a step uses. Default 0.</summary>
    protected virtual int Depth => 0;

    /// <inheritdoc/>
    public Tensor Sample(
        IDenoiser denoiser,
        SampleRequest request,
        IProgress<SamplingProgress>? progress = null,
        CancellationToken cancellationToken = default) => Sample(denoiser, request, progress, Walk, [], cancellationToken);

    /// <summary>Samples with another walk over the grid.</summary>
    internal Tensor Sample(IDenoiser denoiser, SampleRequest request, IProgress<SamplingProgress>? progress,
        Func<SamplingWalk, Tensor> walk, IEnumerable<string> walkProblems, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(denoiser);
        INoiseSchedule schedule = denoiser.Source.Schedule;
        ISamplingGrid grid = Grid ?? UsualGrid(schedule);
        int steps = CountSteps(schedule);
        string[] problems = [.. walkProblems, .. AllProblems(schedule)];
        SamplingRun run = new(denoiser, request, problems, progress) { StartsFromNoise = grid.StartsFromNoise };
        IReadOnlyList<NoiseLevel> levels = grid.Levels(schedule, steps);
        if (levels[^1].Ratio > levels[0].Ratio && levels.SkipLast(1).Any(AddsNoise))
        {
            SamplingRun.Refuse(["The grid goes up to noise, but this sampler adds noise of its own: such a path cannot be found again. Use "
                + "DdimInversionSampler, or set Eta (SaSolver: Tau) to 0."]);
        }

        bool dropsLast = !MayStayInPlace && levels is [.., var last, var repeated] && last == repeated;
        return run.Execute(dropsLast ? [.. levels.SkipLast(1)] : levels, Clipping, walk, cancellationToken);
    }

    /// <summary>Lists why this sampler cannot sample on a schedule: the problems of its grid, its clipping and its own options.</summary>
    /// <param name="schedule">The schedule of the model.</param>
    internal IEnumerable<string> AllProblems(INoiseSchedule schedule) =>
    [
        .. (Grid ?? UsualGrid(schedule)).Problems(schedule, CountSteps(schedule)), .. SamplingRun.ClippingProblems(Clipping),
        .. Problems(schedule),
    ];

    /// <summary>The number of steps of the grid on a schedule.</summary>
    internal int CountSteps(INoiseSchedule schedule) => GridSteps(StepsFor(schedule));

    /// <summary>Steps through the grid.</summary>
    internal Tensor Walk(SamplingWalk walk)
    {
        int count = walk.Levels.Count - 1;
        List<PastEstimate> past = [];
        Tensor x = walk.Start;
        for (int i = 0; i < count; i++)
        {
            using DisposeScope scope = NewDisposeScope();
            Tensor next = Advance(new SamplingStep(walk, i, past), x, past).MoveToOuterDisposeScope();
            x.Dispose();
            x = next;
            walk.Report(i + 1, count, (i + 1.0) / count);
        }

        past.ForEach(kept => kept.Free());
        return x;
    }

    /// <summary>One step, and what it keeps for later ones.</summary>
    /// <returns>The images, in the current dispose scope.</returns>
    internal Tensor Advance(SamplingStep step, Tensor x, List<PastEstimate> past)
    {
        if (step.To.Alpha == 0 && !ReachesPureNoise)
        {
            return LevelStep.Move(step.Denoise(x, step.From), step.To);
        }

        StepResult result = Step(step, x);
        if (result.Keep is { } kept)
        {
            past.Insert(0, kept.MovedToOuterScope());
        }

        while (past.Count > Depth)
        {
            past[^1].Free();
            past.RemoveAt(past.Count - 1);
        }

        return result.Sample;
    }

    /// <summary>Whether a step from this level adds noise that it draws, which an inversion must not. Default false.</summary>
    internal virtual bool AddsNoise(NoiseLevel level) => false;

    /// <summary>
    /// Whether a step may end at its own level (<see cref="TimestepGrid.KeepsStepAtZero"/>), where most equations divide by 0.
    /// </summary>
    internal virtual bool MayStayInPlace => false;

    /// <summary>
    /// Whether a step may go up to pure noise, as the last step of an inversion does, where sigma / alpha is infinite. Where it may not,
    /// that step is a <see cref="LevelStep.Move"/> instead, of order 1.
    /// </summary>
    internal virtual bool ReachesPureNoise => false;

    /// <summary>
    /// One step. A pure function of its arguments: a sampler has no state. It is not called for a step up to pure noise, the last of an
    /// inversion on some schedules, which is a <see cref="LevelStep.Move"/>.
    /// </summary>
    /// <param name="step">The levels, the denoiser and the noise of the step.</param>
    /// <param name="x">The noisy images at the level that the step leaves, <c>[B, C, H, W]</c>; not modified.</param>
    /// <returns>New tensors, in the current dispose scope.</returns>
    protected abstract StepResult Step(SamplingStep step, Tensor x);

    /// <summary>The number of steps asked for, or the usual one.</summary>
    /// <param name="schedule">The schedule of the model.</param>
    protected int StepsFor(INoiseSchedule schedule) => Steps ?? Grid?.Steps ?? AtMost(UsualSteps(schedule), schedule, Grid);

    /// <summary>How many steps of the grid a number of steps means. Default: the same; fewer where a step has inner levels.</summary>
    /// <param name="steps">The number of steps asked for.</param>
    protected virtual int GridSteps(int steps) => steps;

    /// <summary>The usual number of steps, where schedule and grid have as many. Default 50.</summary>
    /// <param name="schedule">The schedule of the model.</param>
    protected virtual int UsualSteps(INoiseSchedule schedule) => 50;

    /// <summary>A number of steps, or as many as there are timesteps or the grid has, where these are fewer.</summary>
    /// <param name="steps">The number of steps.</param>
    /// <param name="schedule">The schedule of the model.</param>
    /// <param name="grid">The grid; null for the usual one.</param>
    internal static int AtMost(int steps, INoiseSchedule schedule, ISamplingGrid? grid)
    {
        int timesteps = schedule is DiscreteSchedule discrete ? Math.Min(steps, discrete.Timesteps) : steps;
        return Math.Min(timesteps, grid?.MaxSteps(schedule) ?? timesteps);
    }

    /// <summary>The usual grid. Default <see cref="SamplingGrid.UsualFor"/>.</summary>
    /// <param name="schedule">The schedule of the model.</param>
    protected virtual ISamplingGrid UsualGrid(INoiseSchedule schedule) => SamplingGrid.UsualFor(schedule);

    /// <summary>Lists the problems of the sampler's own options, each with its remedy; empty when there are none.</summary>
    /// <param name="schedule">The schedule of the model.</param>
    protected virtual IEnumerable<string> Problems(INoiseSchedule schedule) => [];
}
