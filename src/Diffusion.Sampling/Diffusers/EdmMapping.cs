namespace Diffusion.Sampling;

/// <summary>Schedulers of EDM.</summary>
internal static class EdmMapping
{
    public static StepSampler Euler(DiffusersSettings settings) =>
        new EulerSampler { Grid = Grid(settings), Clipping = SampleClipping.None };

    public static StepSampler DpmMultistep(DiffusersSettings settings) =>
        DpmMapping.Solver(settings, Grid(settings)) with { Clipping = DiffusersGrids.Clipping(settings) };

    public static StepSampler Cosine(DiffusersSettings settings) =>
        DpmMapping.Solver(settings, Grid(settings), SolverForm.Data, eta: 1) with { Clipping = SampleClipping.None };

    public static StepSampler Consistency(DiffusersSettings settings)
    {
        settings.Refuse(settings.Number("s_noise") != 1, "s_noise", "the noise has a deviation of 1. Use 1.");
        return new ConsistencySampler
        {
            Grid = new EveryNthGrid(new KarrasGrid(settings.Number("rho")!.Value), settings.Integer("num_train_timesteps")),
            Clipping = settings.Flag("clip_denoised") ? SampleClipping.Clip : SampleClipping.None,
            Floor = settings.Schedule.FirstTime,
        };
    }

    private static CurveGrid Grid(DiffusersSettings settings)
    {
        bool endsClean = DiffusersGrids.EndsClean(settings);
        return settings.Text("sigma_schedule") == "exponential"
            ? new ExponentialGrid { EndsClean = endsClean }
            : new KarrasGrid(settings.Number("rho")!.Value) { EndsClean = endsClean };
    }
}
