namespace Diffusion.Sampling;

/// <summary>Schedulers of EDM.</summary>
internal static class EdmMapping
{
    public static StepSampler Euler(DiffusersSettings settings) =>
        new EulerSampler { Grid = Grid(settings), Clipping = SampleClipping.None };

    public static StepSampler DpmMultistep(DiffusersSettings settings) =>
        DpmMapping.Solver(settings) with { Grid = Grid(settings), Clipping = DiffusersGrids.Clipping(settings) };

    private static CurveGrid Grid(DiffusersSettings settings)
    {
        bool endsClean = DiffusersGrids.EndsClean(settings);
        return settings.Text("sigma_schedule") == "exponential"
            ? new ExponentialGrid { EndsClean = endsClean }
            : new KarrasGrid(settings.Number("rho")!.Value) { EndsClean = endsClean };
    }
}
