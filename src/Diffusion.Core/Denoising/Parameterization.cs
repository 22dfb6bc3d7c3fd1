namespace Diffusion;

/// <summary>The built-in parameterizations: what networks predict.</summary>
public static class Parameterization
{
    /// <summary>The noise (Ho et al. 2020, equation 14): the default of DDPM.</summary>
    public static IParameterization Epsilon { get; } = new EpsilonParameterization();

    /// <summary>The clean image, x0.</summary>
    public static IParameterization Sample { get; } = new SampleParameterization();

    /// <summary>
    /// The velocity v = alpha * noise - sigma * clean (Salimans and Ho 2022, section 4), divided by hypot(alpha, sigma) where that is not
    /// 1.
    /// </summary>
    public static IParameterization Velocity { get; } = new VelocityParameterization();

    /// <summary>noise - clean: rectified flow (Liu et al. 2022).</summary>
    public static IParameterization Flow { get; } = new FlowParameterization();

    /// <summary>EDM's preconditioned prediction (Karras et al. 2022, table 1).</summary>
    /// <param name="dataDeviation">
    /// The standard deviation of the clean images, sigma_data: above 0. Default 0.5, that of most images in [-1, 1].
    /// </param>
    /// <exception cref="ArgumentOutOfRangeException">It is not above 0.</exception>
    public static IParameterization Edm(double dataDeviation = 0.5) => dataDeviation > 0 && double.IsFinite(dataDeviation)
        ? new EdmParameterization(dataDeviation)
        : throw new ArgumentOutOfRangeException(nameof(dataDeviation), dataDeviation,
            "The standard deviation of the images must be a number above 0. Use 0.5.");

    /// <summary>The prediction type of a parameterization; null if it has none.</summary>
    public static PredictionType? TypeOf(IParameterization parameterization)
    {
        ArgumentNullException.ThrowIfNull(parameterization);
        return Enum.GetValues<PredictionType>().Cast<PredictionType?>()
            .FirstOrDefault(type => Of(type!.Value).Description == parameterization.Description);
    }

    /// <summary>The parameterization of a prediction type.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The type is unknown.</exception>
    public static IParameterization Of(PredictionType prediction) => prediction switch
    {
        PredictionType.Epsilon => Epsilon,
        PredictionType.Sample => Sample,
        PredictionType.Velocity => Velocity,
        PredictionType.Flow => Flow,
        PredictionType.Edm => Edm(),
        _ => throw new ArgumentOutOfRangeException(nameof(prediction), prediction, "Use Epsilon, Sample, Velocity, Flow or Edm."),
    };
}
