namespace Diffusion.Sampling;

/// <summary>Schedulers of rectified flow.</summary>
internal static class FlowMapping
{
    public static StepSampler Euler(DiffusersSettings settings) => settings.Flag("stochastic_sampling")
        ? new ConsistencySampler { Grid = Grid(settings), Clipping = SampleClipping.None }
        : new EulerSampler { Grid = Grid(settings), Clipping = SampleClipping.None };

    public static StepSampler Heun(DiffusersSettings settings) =>
        new HeunSampler { Grid = Grid(settings), Clipping = SampleClipping.None, Path = HeunPath.Own };

    public static StepSampler Lcm(DiffusersSettings settings)
    {
        settings.Refuse(settings.HasValue("scale_factors"), "scale_factors",
            "no sampler here changes the size of images between steps. Remove them.");
        return new ConsistencySampler { Grid = Grid(settings), Clipping = SampleClipping.None };
    }

    private static ISamplingGrid Grid(DiffusersSettings settings)
    {
        settings.Refuse(settings.Flag("invert_sigmas"), "invert_sigmas", "no schedule here counts sigma from the image to noise.");
        ISamplingGrid times = DiffusersGrids.Shifted(
            new TimeGrid { EndTime = 1e-3, IncludesEndTime = true }, DiffusersGrids.DynamicShift(settings),
            settings.Number("shift_terminal"));
        return DiffusersGrids.Curve(settings) is { } curve
            ? new CurveOverGrid(curve with { Variable = CurveVariable.Fraction }, times)
            : times;
    }
}
