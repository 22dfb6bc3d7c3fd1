namespace Diffusion.Sampling.Tests.Traces;

/// <summary>
/// Grids against the recorded ones: tables of one scheduler at many numbers of steps, and the grids of recorded runs, built from their
/// settings.
/// </summary>
public sealed class GridTraceTests
{
    public static TheoryData<string> Tables => TraceFolder.Tables("grids_", "k_grids_");

    public static TheoryData<string> Runs => TraceFolder.Runs;

    public static TheoryData<string> Splits => TraceFolder.Tables("k_ancestral_step");

    public static TheoryData<string> Betas => TraceFolder.Tables("betas_");

    [Theory]
    [MemberData(nameof(Tables))]
    public void A_grid_has_the_recorded_levels_at_every_number_of_steps(string name)
    {
        using SamplerTrace trace = TraceFolder.Open(name);
        INoiseSchedule schedule = TraceGrids.Schedule(trace)!;
        int[] counts =
        [
            .. trace.Arrays.Where(array => array.StartsWith("sigmas_", StringComparison.Ordinal)
                || array.StartsWith("timesteps_", StringComparison.Ordinal))
                .Select(array => int.Parse(array[(array.IndexOf('_', StringComparison.Ordinal) + 1)..],
                    System.Globalization.CultureInfo.InvariantCulture)).Distinct(),
        ];
        counts.Should().NotBeEmpty();
        foreach (int steps in counts)
        {
            Compare(trace, schedule, steps, $"_{steps}");
        }
    }

    [Theory]
    [MemberData(nameof(Runs))]
    public void The_settings_of_a_run_give_its_recorded_grid(string name)
    {
        using SamplerTrace trace = TraceFolder.Open(name);
        if (TraceGrids.Schedule(trace) is { } schedule && TraceGrids.Of(trace, schedule, trace.Steps) is not null)
        {
            Compare(trace, schedule, trace.Steps, "");
        }
    }

    [Theory]
    [MemberData(nameof(Splits))]
    public void A_level_is_split_into_the_recorded_parts(string name)
    {
        using SamplerTrace trace = TraceFolder.Open(name);
        foreach (double[] row in trace.Numbers("from_to_down_up").Chunk(4))
        {
            (NoiseLevel down, double added) = LevelStep.Split(
                new NoiseLevel(1, row[0], row[0]), new NoiseLevel(1, row[1], row[1]), trace.Number("eta"));
            down.Sigma.Should().BeApproximately(row[2], TraceTolerance.Grid * Math.Max(1, row[2]));
            added.Should().BeApproximately(row[3], TraceTolerance.Grid * Math.Max(1, row[3]));
        }
    }

    [Theory]
    [MemberData(nameof(Betas))]
    public void Recorded_betas_give_the_recorded_levels(string name)
    {
        using SamplerTrace trace = TraceFolder.Open(name);
        double[] bars = trace.Numbers("alphas_cumprod");
        double[] betas = trace.Numbers("betas");
        bool fits = betas.Length >= NoiseSchedule.MinTimesteps && betas.All(beta => beta is > 0 and < 1);
        double product = 1;
        for (int t = 0; t < bars.Length; t++)
        {
            product *= 1 - betas[t];
            product.Should().BeApproximately(bars[t], TraceTolerance.Grid);
        }

        if (fits)
        {
            DiscreteSchedule schedule = new(betas, "recorded");
            Enumerable.Range(0, bars.Length).Max(t => Math.Abs((schedule[t].Alpha * schedule[t].Alpha) - bars[t]))
                .Should().BeLessThan(TraceTolerance.Grid);
        }
    }

    private static void Compare(SamplerTrace trace, INoiseSchedule schedule, int steps, string suffix)
    {
        ISamplingGrid grid = TraceGrids.Of(trace, schedule, steps)!;
        double[] recordedSigmas = trace.Has("sigmas" + suffix) ? trace.Numbers("sigmas" + suffix) : [];
        double[] recordedTimesteps = trace.Has("timesteps" + suffix) ? trace.Numbers("timesteps" + suffix) : [];
        bool hasFault = !trace.IsTable && TraceFolder.HasFault(trace.Name, "grid");
        bool endsTwice = recordedSigmas.Length > 1 && Agrees(recordedSigmas[^1..], recordedSigmas[^2..^1]);
        if (endsTwice && steps > 1 && !hasFault && !GridAsRecorded.HasOwnSigmas(trace))
        {
            // The library takes a last step from a level to itself; here a curve has one point for each level.
            (recordedSigmas, recordedTimesteps) = (recordedSigmas[..^1], recordedTimesteps[..^1]);
            steps -= grid is CurveGrid or CurveOverGrid ? 1 : 0;
        }

        grid.Problems(schedule, steps).Should().BeEmpty("{0} steps", steps);
        IReadOnlyList<NoiseLevel> levels = grid.Levels(schedule, steps);
        levels.Zip(levels.Skip(1)).Should().OnlyContain(pair => pair.First.Ratio > pair.Second.Ratio, "no level comes twice");
        if (steps == 1 && GridAsRecorded.StartsAtZeroWithOneStep(trace))
        {
            Agrees([levels[0].Ratio], [schedule.At(schedule.LastTime).Ratio]).Should().BeTrue("one step starts from the noisiest level");
            return;
        }

        (double[] sigmas, double[] timesteps) = GridAsRecorded.Of(trace, levels);
        bool agrees = recordedSigmas.Length == 0 || GridAsRecorded.HasOwnSigmas(trace) || Agrees(sigmas, recordedSigmas);
        agrees &= recordedTimesteps.Length == 0 || !GridAsRecorded.HasTimesteps(trace)
            || Agrees(timesteps, GridAsRecorded.Once(trace, recordedTimesteps));

        // A run that is named as one with a fault in its grid gets the grid of the derivation, which must differ.
        agrees.Should().Be(!hasFault, "of {0} steps: {1} and {2}", steps, string.Join(' ', sigmas), string.Join(' ', timesteps));
    }

    private static bool Agrees(double[] actual, double[] recorded) =>
        actual.Length == recorded.Length
        && actual.Zip(recorded)
            .All(pair => Math.Abs(pair.First - pair.Second) <= TraceTolerance.Grid * Math.Max(1e-3, Math.Abs(pair.Second)));
}
