using System.Text.Json;

namespace Diffusion.Training.Tests.Objectives.Reference;

/// <summary>Weights in every space against tables.</summary>
public sealed class WeightTableTests
{
    private const string ByLogSnr = "weights_by_log_snr.json";
    private const string ByTimestep = "min_snr_by_timestep.json";
    private const string Limits = "min_snr_limits.json";
    private const string OfFlow = "flow_weightings.json";
    private const string Functions = "weighting_functions_lambda.json";

    public static TheoryData<string> WeightsAndSpaces => ObjectiveTables.Cases(ByLogSnr, table => table.GetProperty("weights")
        .EnumerateObject().SelectMany(weighting => weighting.Value.Names().Select(space => $"{weighting.Name} {space}")));

    public static TheoryData<string> MinSnrs => ObjectiveTables.Cases(ByTimestep, table => table.GetProperty("schedules")
        .EnumerateObject().SelectMany(schedule => schedule.Value.Names().Where(name => name.StartsWith("gamma_", StringComparison.Ordinal))
            .SelectMany(gamma => schedule.Value.GetProperty(gamma).Names().Select(space => $"{schedule.Name} {gamma} {space}"))));

    public static TheoryData<string> Ends => ObjectiveTables.Cases(Limits, table =>
        table.GetProperty("limits").EnumerateArray().SelectMany(limit => limit.Names().Where(name => name != "gamma")
            .Select(end => $"{limit.GetProperty("gamma").GetRawText()} {end}")));

    public static TheoryData<string> VelocityWeights =>
        ObjectiveTables.Cases(OfFlow, table => table.GetProperty("velocity_weight_of_x0_weight").Names());

    public static TheoryData<string> SampledWeights => ObjectiveTables.Cases(Functions, table => table.GetProperty("w").Names());

    [Theory]
    [MemberData(nameof(WeightsAndSpaces))]
    public void A_weight_is_that_of_the_table_in_every_space(string name)
    {
        JsonElement table = ObjectiveTables.Json(ByLogSnr);
        (string weighting, string space) = (name.Split(' ')[0], name.Split(' ')[1]);
        double[] expected = table.GetProperty("weights").GetProperty(weighting).Numbers(space);
        foreach ((double logSnr, double weight) in table.Numbers("log_snr").Zip(expected))
        {
            double ratio = Math.Exp(-logSnr / 2);
            NoiseLevel level = space switch
            {
                "flow_velocity" => new(1 / (1 + ratio), ratio / (1 + ratio), 0),
                "edm_network_sigma_data_0.5" => new(1, ratio, 0),
                _ => new(1 / Math.Sqrt(1 + (ratio * ratio)), ratio / Math.Sqrt(1 + (ratio * ratio)), 0),
            };
            TableWeighting.Named(weighting).In(TableWeighting.SpaceNamed(space), level).ShouldBeClose(weight, 1e-13, $"at {logSnr}");
        }
    }

    [Theory]
    [MemberData(nameof(MinSnrs))]
    public void Min_SNR_of_a_timestep_is_that_of_the_table(string name)
    {
        JsonElement schedules = ObjectiveTables.Json(ByTimestep).GetProperty("schedules");
        string[] parts = name.Split(' ');
        JsonElement entry = schedules.GetProperty(parts[0]);
        DiscreteSchedule schedule = parts[0].StartsWith("linear", StringComparison.Ordinal)
            ? NoiseSchedule.Linear()
            : NoiseSchedule.Cosine();
        ILossWeighting weighting = LossWeighting.MinSnr(double.Parse(parts[1]["gamma_".Length..]));
        foreach ((double t, double expected) in entry.Numbers("timesteps").Zip(entry.GetProperty(parts[1]).Numbers(parts[2])))
        {
            double weight = LossSpace.Weight(weighting, TableWeighting.SpaceNamed(parts[2]), schedule[(int)t]);
            weight.ShouldBeClose(expected, t < 5 ? 1e-9 : 1e-12, $"at timestep {t}");
        }
    }

    [Theory]
    [MemberData(nameof(Ends))]
    public void Min_SNR_has_the_limits_of_the_table(string name)
    {
        string[] parts = name.Split(' ');
        JsonElement entry = ObjectiveTables.Json(Limits).GetProperty("limits").EnumerateArray()
            .First(limit => limit.GetProperty("gamma").GetRawText() == parts[0]);
        double gamma = entry.GetProperty("gamma").GetDouble();
        NoiseLevel level = parts[1] switch
        {
            "at_snr_zero" => new(0, 1, 999),
            "at_snr_infinite" => new(1, 0, 0),
            _ => new(Math.Sqrt(gamma / (1 + gamma)), Math.Sqrt(1 / (1 + gamma)), 0),
        };
        foreach (JsonProperty space in entry.GetProperty(parts[1]).EnumerateObject())
        {
            LossSpace.Weight(LossWeighting.MinSnr(gamma), TableWeighting.SpaceNamed(space.Name), level).Should()
                .BeApproximately(space.Value.GetDouble(), 1e-13 * Math.Max(1, gamma), space.Name);
        }
    }

    [Theory]
    [MemberData(nameof(VelocityWeights))]
    public void A_weight_on_the_velocity_of_rectified_flow_is_that_of_the_table(string name)
    {
        JsonElement table = ObjectiveTables.Json(OfFlow);
        double[] expected = table.GetProperty("velocity_weight_of_x0_weight").Numbers(name);
        FlowSchedule schedule = new();
        foreach ((double t, double weight) in table.Numbers("t").Zip(expected))
        {
            TableWeighting.Named(name).In(Parameterization.Flow, schedule.At(t)).ShouldBeClose(weight, 1e-12, $"at {t}");
        }
    }

    [Theory]
    [MemberData(nameof(SampledWeights))]
    public void A_weight_for_drawn_levels_is_converted_to_every_space_as_in_the_table(string name)
    {
        JsonElement table = ObjectiveTables.Json(Functions);
        double[] logSnrs = table.Numbers("log_snr");
        double[] onNoise = table.GetProperty("epsilon_weight_under_cosine").Numbers(name);
        Given weighting = new(onNoise, logSnrs);
        foreach ((string key, IParameterization space) in ((string, IParameterization)[])[
            ("epsilon_weight_under_cosine", Parameterization.Epsilon), ("v_weight_under_cosine", Parameterization.Velocity),
            ("x0_weight_under_cosine", Parameterization.Sample)])
        {
            double[] expected = table.GetProperty(key).Numbers(name);
            for (int i = 0; i < expected.Length; i++)
            {
                double ratio = Math.Exp(-logSnrs[i] / 2);
                NoiseLevel level = new(1 / Math.Sqrt(1 + (ratio * ratio)), ratio / Math.Sqrt(1 + (ratio * ratio)), i);
                LossSpace.Weight(weighting, space, level).ShouldBeClose(expected[i], 1e-12, $"{key} at {logSnrs[i]}");
                if (name.StartsWith("sigmoid_bias_", StringComparison.Ordinal))
                {
                    LossSpace.Weight(TableWeighting.Named(name).Weighting, Parameterization.Epsilon, level)
                        .ShouldBeClose(table.GetProperty("w").Numbers(name)[i], 1e-13);
                }
            }
        }
    }

    // Weights on the noise, one for each time.
    private sealed class Given(double[] weights, double[] logSnrs) : ILossWeighting
    {
        public string Description => $"{logSnrs.Length} given weights";

        public IParameterization Space => Parameterization.Epsilon;

        public double At(NoiseLevel level) => weights[(int)level.Time];
    }
}
