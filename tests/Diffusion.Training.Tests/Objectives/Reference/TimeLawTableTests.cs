using System.Globalization;
using System.Text.Json;

namespace Diffusion.Training.Tests.Objectives.Reference;

/// <summary>Quantiles of time laws against tables.</summary>
public sealed class TimeLawTableTests
{
    private const string Laws = "time_laws.json";

    public static TheoryData<string> Names => ObjectiveTables.Cases(Laws, table => table.GetProperty("laws").Names());

    [Theory]
    [MemberData(nameof(Names))]
    public void The_quantiles_of_a_law_are_those_of_the_table(string name)
    {
        JsonElement table = ObjectiveTables.Json(Laws);
        JsonElement entry = table.GetProperty("laws").GetProperty(name);
        double Value(string parameter) => entry.GetProperty("params").GetProperty(parameter) is { ValueKind: JsonValueKind.String } text
            ? double.Parse(text.GetString()!.Replace("inf", "Infinity"), CultureInfo.InvariantCulture)
            : entry.GetProperty("params").GetProperty(parameter).GetDouble();
        ITimeLaw law = name switch
        {
            "uniform" => TimeLaw.Uniform,
            "log_normal" => TimeLaw.LogNormal(Value("P_mean"), Value("P_std")),
            "logit_normal" => TimeLaw.LogitNormal(Value("m"), Value("s")),
            "mode" => TimeLaw.Mode(Value("scale")),
            "cosine_interpolated" => TimeLaw.CosineInterpolated(Value("image_d"), Value("noise_d_low"), Value("noise_d_high"),
                Value("sigma_data"), Value("min_value"), Value("max_value")),
            "v_diffusion" => TimeLaw.VDiffusion(Value("sigma_data"), Value("min_value"), Value("max_value")),
            "log_uniform" => TimeLaw.LogUniform(Value("min_value"), Value("max_value")),
            "log_logistic" => TimeLaw.LogLogistic(Value("loc"), Value("scale"), Value("min_value"), Value("max_value")),
            "split_log_normal" => TimeLaw.SplitLogNormal(Value("loc"), Value("scale_left"), Value("scale_right")),
            _ => throw new InvalidOperationException($"No test knows the law {name}."),
        };
        string output = entry.GetProperty("out").GetString()!;
        bool falls = output.Contains("decreasing");
        INoiseSchedule schedule = output.StartsWith('t') ? new FlowSchedule() : new EdmSchedule(1e-12, 1e12);
        double before = -1;
        foreach ((double u, double expected) in table.Numbers("u").Zip(entry.Numbers("value")))
        {
            double actual = law.TimeAt(falls ? 1 - u : u, schedule);
            actual.ShouldBeClose(expected, u is < 1e-4 or > 1 - 1e-4 ? 1e-9 : 1e-12, $"at {u}");
            double quantile = law.TimeAt(u, schedule);
            quantile.Should().BeGreaterThan(before, "a quantile function rises");
            before = quantile;
        }
    }

    [Fact]
    public void The_quantiles_of_the_cosine_map_are_those_of_the_table_and_have_its_density()
    {
        JsonElement table = ObjectiveTables.Json("flow_weightings.json");
        JsonElement entry = table.GetProperty("cosine_map_law");
        FlowSchedule schedule = new();
        foreach ((double u, double expected) in entry.Numbers("u").Zip(entry.Numbers("t")))
        {
            TimeLaw.CosineMap.TimeAt(u, schedule).ShouldBeClose(expected, u is < 1e-4 or > 1 - 1e-4 ? 1e-9 : 1e-12, $"at {u}");
        }

        double[] densities = table.Numbers("cosine_map_weight (2/(pi(1-2t+2t^2)))");
        foreach ((double t, double density) in table.Numbers("t").Zip(densities).Where(pair => pair.First is > 0.01 and < 0.99))
        {
            // The fraction below t is the integral of the density: its slope there.
            double Below(double time) => 2 / Math.PI * Math.Atan(time / (1 - time));
            double slope = (Below(t + 1e-5) - Below(t - 1e-5)) / 2e-5;
            slope.ShouldBeClose(density, 1e-8);
            TimeLaw.CosineMap.TimeAt(Below(t), schedule).ShouldBeClose(t, 1e-12);
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    public void Stratified_quantiles_are_those_of_the_table_and_belong_to_the_position_alone(int groups)
    {
        JsonElement stratified = ObjectiveTables.Json(Laws).GetProperty("stratified");
        double[] jitter = stratified.Numbers("jitter");
        double[] expected = stratified.Numbers(groups == 1 ? "group_0_of_1" : "group_2_of_3");
        for (int i = 0; i < jitter.Length; i++)
        {
            long position = (groups - 1) + (i * groups) + (24L * 1000); // image g + i G of a step
            StratifiedQuantile.At(position, jitter[i], jitter.Length * groups).ShouldBeClose(expected[i], 1e-15);
        }
    }
}
