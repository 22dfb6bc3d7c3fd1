using System.Globalization;

namespace Diffusion.Training.Tests.Objectives.Reference;

/// <summary>A weighting of the tables: one of the library's, or a uniform loss in another space.</summary>
/// <param name="Weighting">The weighting.</param>
/// <param name="Space">The space of the uniform loss; null for any.</param>
internal sealed record TableWeighting(ILossWeighting Weighting, IParameterization? Space)
{
    /// <summary>The weighting that a table calls by a name.</summary>
    public static TableWeighting Named(string name)
    {
        int place = name.LastIndexOf('_');
        double number = double.TryParse(name[(place + 1)..], CultureInfo.InvariantCulture, out double parsed) ? parsed : double.NaN;
        return name switch
        {
            "none" => new(LossWeighting.Uniform, null),
            "uniform_x0" => new(LossWeighting.Uniform, Parameterization.Sample),
            "snr" => new(LossWeighting.Uniform, Parameterization.Epsilon),
            "snr_plus_one" => new(LossWeighting.Uniform, Parameterization.Velocity),
            "truncated_snr" => new(LossWeighting.TruncatedSnr, null),
            "debiased" => new(LossWeighting.Debiased, null),
            _ when name.StartsWith("min_snr_", StringComparison.Ordinal) => new(LossWeighting.MinSnr(number), null),
            _ when name.StartsWith("soft_min_snr_gamma_", StringComparison.Ordinal) => new(LossWeighting.SoftMinSnr(number), null),
            _ when name.StartsWith("p2_k1_gamma_", StringComparison.Ordinal) => new(LossWeighting.P2(number, k: 1), null),
            _ when name.StartsWith("sigmoid_bias_", StringComparison.Ordinal) => new(LossWeighting.Sigmoid(number), null),
            _ when name.StartsWith("edm_sigma_data_", StringComparison.Ordinal) => new(LossWeighting.Edm(number), null),
            _ => throw new InvalidOperationException($"No test knows the weighting {name}."),
        };
    }

    /// <summary>The space that a table calls by a name.</summary>
    public static IParameterization SpaceNamed(string name) => name switch
    {
        "x0" => Parameterization.Sample,
        "epsilon" => Parameterization.Epsilon,
        "v" => Parameterization.Velocity,
        "score_vp" => new Score(),
        "flow_velocity" => Parameterization.Flow,
        "edm_network_sigma_data_0.5" => Parameterization.Edm(0.5),
        _ => throw new InvalidOperationException($"No test knows the space {name}."),
    };

    /// <summary>The weight of a squared error in a space.</summary>
    public double In(IParameterization space, NoiseLevel level) => Space is null
        ? LossSpace.Weight(Weighting, space, level)
        : Math.Pow(LossSpace.Factor(space, Space, level), 2);

    // The score of the noisy image, -noise / sigma.
    private sealed class Score : IParameterization
    {
        public string Description => "score";

        public Scalings At(NoiseLevel level) => new(level, 0, -1 / level.Sigma);
    }
}
