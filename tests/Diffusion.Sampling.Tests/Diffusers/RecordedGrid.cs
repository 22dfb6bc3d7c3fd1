using System.Text.Json;
using Diffusion.Sampling.Tests.Traces;

namespace Diffusion.Sampling.Tests.Diffusers;

/// <summary>The grid of a scheduler's sampler against the timesteps and sigmas that diffusers lists.</summary>
internal static class RecordedGrid
{
    // diffusers reads the alpha-bar of pure noise as 2^-24.
    private const double SigmaOfPureNoise = 4096;

    public static void Compare(DiffusersScheduler scheduler, ConfigSettings settings, JsonElement recorded, double tolerance)
    {
        int steps = recorded.GetProperty("steps").GetInt32();
        double[] timesteps = PipelineFolder.Numbers(recorded.GetProperty("timesteps"));
        double[] sigmas = recorded.TryGetProperty("sigmas", out JsonElement list) ? PipelineFolder.Numbers(list) : [];
        ISamplingGrid grid = GridOf(scheduler, steps);
        (sigmas, timesteps) = (GridAsRecorded.SigmasOnce(settings, sigmas, steps), GridAsRecorded.Once(settings, timesteps));
        if (settings.Class == "DPMSolverMultistepInverse")
        {
            CompareInverse(scheduler, settings, (sigmas, timesteps), tolerance);
            return;
        }

        if (settings.Class == "DDIMInverse")
        {
            // Images count as being at timestep 0: diffusers' step from the clean image to timestep 0 is left out.
            double[] labels = [.. grid.Levels(scheduler.Schedule, steps).Skip(1).Select(level => level.Label)];
            Agrees(labels, [.. timesteps.Where(t => t > 0)], tolerance).Should().BeTrue("{0}", string.Join(' ', labels));
            return;
        }

        if (scheduler.Schedule is FlowSchedule { Shift: not 1 } flow && settings.Class.StartsWith("FlowMatch", StringComparison.Ordinal))
        {
            // Fault 11: diffusers shifts the low end twice.
            Agrees(SigmasOf(settings, grid.Levels(flow, steps)), sigmas, tolerance).Should().BeFalse("the shift is applied once here");
            grid = WithEnd(grid, flow.Shift * 1e-3 / (1 + ((flow.Shift - 1) * 1e-3)));
        }

        if (settings.Class is "DEISMultistep" or "SASolver" && !settings.Flag("use_flow_sigmas"))
        {
            // Fault 9: diffusers ends at the sigma of timestep 0.
            sigmas[^1].Should().BeApproximately(scheduler.Schedule.At(0).Ratio, tolerance);
            sigmas[^1] = 0;
        }
        else if (sigmas.Length > 2 && sigmas[^1] > 0 && Math.Abs(sigmas[^1] - sigmas[^2]) < 1e-5)
        {
            // Fault 9: diffusers takes a last step from a level to itself. Here the curve between the same ends has one more point.
            if (grid is CurveOverGrid over)
            {
                IReadOnlyList<NoiseLevel> all = over.Levels(scheduler.Schedule, steps);
                Agrees([all[0].Ratio, all[^1].Ratio], [sigmas[0], sigmas[^1]], tolerance).Should().BeTrue("those are its ends");
                grid = over with { Curve = over.Curve with { MaxRatio = all[0].Ratio, MinRatio = all[^1].Ratio } };
            }

            (sigmas, timesteps, steps) = (sigmas[..^1], timesteps[..^1], steps - 1);
        }

        IReadOnlyList<NoiseLevel> levels = grid.Levels(scheduler.Schedule, steps);
        double[] actual = SigmasOf(settings, levels);
        IParameterization parameterization = scheduler.CreateParameterization();
        double[] told = GridAsRecorded.Of(
            settings, [.. levels.Select(level => level with { Label = parameterization.At(level).Label })]).Timesteps;
        if (sigmas.Length > 0)
        {
            Agrees(actual, sigmas, tolerance).Should().BeTrue("{0} were recorded, not {1}", string.Join(' ', sigmas),
                string.Join(' ', actual));
        }

        // A last step from timestep 0 to the level of timestep 0 moves nothing: it is left out.
        bool leavesOut = told.Length == timesteps.Length - 1 && timesteps[^1] == 0 && levels[^1].Time == 0;
        Agrees(leavesOut ? [.. told, 0] : told, timesteps, tolerance).Should().BeTrue("{0} were recorded, not {1}",
            string.Join(' ', timesteps), string.Join(' ', told));
    }

    /// <summary>
    /// diffusers multiplies the first noise by sigma where its images are divided by alpha, or by hypot(1, sigma) with leading timesteps;
    /// here it has unit variance times alpha, which is hypot(1, sigma), or sigma where alpha is 1.
    /// </summary>
    public static void CompareStart(DiffusersScheduler scheduler, ConfigSettings settings, double recorded, double tolerance)
    {
        double sigma = GridOf(scheduler, 10).Levels(scheduler.Schedule, 10)[0].Ratio;
        sigma = double.IsInfinity(sigma) ? SigmaOfPureNoise : sigma;
        double ofTable = scheduler.Schedule.At(scheduler.Schedule.LastTime).Ratio;
        double[] known = TraceGrids.IsOverSigma(settings) || scheduler.Schedule is EdmSchedule
            ? [sigma, double.Hypot(1, sigma), ofTable, double.Hypot(1, ofTable)]
            : [1];
        known.Should().Contain(one => Math.Abs(one - recorded) <= tolerance * recorded);
    }

    private static ISamplingGrid GridOf(DiffusersScheduler scheduler, int steps) => ((StepSampler)scheduler.ToSampler(steps)).Grid!;

    private static ISamplingGrid WithEnd(ISamplingGrid grid, double end) => grid switch
    {
        TimeGrid times => times with { EndTime = end },
        CurveOverGrid curve => curve with { Ends = WithEnd(curve.Ends, end) },
        ShiftedGrid shifted => shifted with { Inner = WithEnd(shifted.Inner, end) },
        _ => throw new NotSupportedException($"{grid} has no end time."),
    };

    private static double[] SigmasOf(ConfigSettings settings, IReadOnlyList<NoiseLevel> levels) =>
        [.. GridAsRecorded.Of(settings, levels).Sigmas.Select(sigma => double.IsInfinity(sigma) ? SigmaOfPureNoise : sigma)];

    // From the image to noise. With a curve, diffusers lists the last sigma twice; with trailing and leading timesteps its path does not
    // begin or end at the ends of the schedule, as it does here.
    private static void CompareInverse(DiffusersScheduler scheduler, ConfigSettings settings,
        (double[] Sigmas, double[] Timesteps) recorded, double tolerance)
    {
        bool hasCurve = TraceGrids.Curve(settings) is not null;
        int steps = recorded.Timesteps.Length - (hasCurve ? 1 : 0);
        IReadOnlyList<NoiseLevel> levels = GridOf(scheduler, steps).Levels(scheduler.Schedule, steps);
        levels[0].Should().Be(scheduler.Schedule.At(0));
        levels[^1].Ratio.Should().BeApproximately(recorded.Sigmas[^1], tolerance * recorded.Sigmas[^1]);
        if (hasCurve || settings.Word("timestep_spacing") == "linspace")
        {
            double[] sigmas = [.. levels.Select(level => level.Ratio)];
            Agrees(sigmas, hasCurve ? recorded.Sigmas[..^1] : recorded.Sigmas, tolerance).Should().BeTrue("{0}", string.Join(' ', sigmas));
        }
    }

    private static bool Agrees(double[] actual, double[] recorded, double tolerance) => actual.Length == recorded.Length
        && actual.Zip(recorded).All(pair => Math.Abs(pair.First - pair.Second) <= (tolerance * Math.Abs(pair.Second)) + (tolerance * 1e-2));
}
