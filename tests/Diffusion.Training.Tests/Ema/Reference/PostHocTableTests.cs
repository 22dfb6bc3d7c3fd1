using System.Globalization;
using System.Text.Json;
using Diffusion.Training.Tests.Objectives.Reference;

namespace Diffusion.Training.Tests.Ema.Reference;

/// <summary>Reconstructed averages against those of the authors' least squares.</summary>
public sealed class PostHocTableTests
{
    private const string Table = "posthoc.json";
    private const string Tensors = "posthoc_tensors.safetensors";

    public static TheoryData<string> Results => EmaTables.Cases(Table, table => table.GetProperty("results").EnumerateArray().Select(Name));

    [Theory]
    [MemberData(nameof(Results))]
    public void Coefficients_and_averages_are_those_of_the_table(string name)
    {
        JsonElement entry = Find(name);
        (PowerProfile[] stored, double[][] values) = Stored(entry);
        ProfileFit fit = ProfileFit.Of(stored, Target(entry));

        double[] expected = entry.Numbers("coefficients_sum_one");
        fit.Coefficients.Should().HaveCount(expected.Length);
        fit.Coefficients.Zip(expected, (actual, wanted) => Math.Abs(actual - wanted)).Max().Should().BeLessThan(1e-8);
        fit.Coefficients.Sum().Should().BeApproximately(1, 1e-12);
        double[] average = Combine(fit.Coefficients, values);
        average.Zip(entry.Numbers("reconstructed_sum_one"), (actual, wanted) => Math.Abs(actual - wanted)).Max()
            .Should().BeLessThan(1e-9);
    }

    // The recorded errors are those of the authors' program.
    [Theory]
    [MemberData(nameof(Results))]
    public void The_error_is_not_above_that_of_the_authors_program(string name)
    {
        JsonElement entry = Find(name);
        (PowerProfile[] stored, double[][] values) = Stored(entry);
        ProfileFit fit = ProfileFit.Of(stored, Target(entry));

        double error = Combine(fit.Coefficients, values)
            .Zip(entry.Numbers("true_ema"), (actual, wanted) => Math.Abs(actual - wanted)).Max();
        error.Should().BeLessThanOrEqualTo(entry.GetProperty("max_error_sum_one").GetDouble() + 1e-9);
        error.Should().BeLessThan(entry.GetProperty("max_error_unnormalised").GetDouble());
        DiscreteError(fit.Coefficients, stored, Target(entry)).Should()
            .BeLessThanOrEqualTo(entry.GetProperty("profile_error_l2_sum_one").GetDouble() + 1e-9);
    }

    [Fact]
    public void The_snapshots_are_averages_with_the_law()
    {
        IReadOnlyDictionary<string, double[][]> rows = EmaTables.Rows(Tensors);
        for (int i = 0; i < rows["snapshot_steps"].Length; i++)
        {
            long step = (long)rows["snapshot_steps"][i][0];
            EmaLaw law = EmaLaw.PowerFunction(rows["snapshot_sigma_rel"][i][0]);
            double[] average = [.. rows["theta"][0].Select(_ => double.MaxValue)]; // The decay of the first step is 0.
            for (int s = 1; s <= step; s++)
            {
                double decay = law.DecayAt(s);
                average = [.. average.Zip(rows["theta"][s - 1], (old, weight) => (decay * old) + ((1 - decay) * weight))];
            }

            average.Zip(rows["snapshot_values"][i], (actual, wanted) => Math.Abs(actual - wanted)).Max().Should().BeLessThan(1e-9);
        }
    }

    private static string Name(JsonElement entry) => string.Create(CultureInfo.InvariantCulture,
        $"{entry.GetProperty("output_step").GetInt64()} at {entry.GetProperty("target_sigma_rel").GetDouble()}");

    private static JsonElement Find(string name) =>
        EmaTables.Json(Table).GetProperty("results").EnumerateArray().First(entry => Name(entry) == name);

    private static PowerProfile Target(JsonElement entry) =>
        new(entry.GetProperty("output_step").GetInt64(), PowerProfile.GammaOf(entry.GetProperty("target_sigma_rel").GetDouble()));

    // In the order of the table.
    private static (PowerProfile[] Profiles, double[][] Values) Stored(JsonElement entry)
    {
        IReadOnlyDictionary<string, double[][]> rows = EmaTables.Rows(Tensors);
        (double, double)[] inputs = [.. entry.Numbers("input_steps").Zip(entry.Numbers("input_sigma_rel"))];
        double[][] values = [.. inputs.Select(input => rows["snapshot_values"][Array.FindIndex(
            [.. rows["snapshot_steps"].Zip(rows["snapshot_sigma_rel"], (step, width) => (step[0], width[0]))], pair => pair == input)])];
        return ([.. inputs.Select(input => new PowerProfile(input.Item1, PowerProfile.GammaOf(input.Item2)))], values);
    }

    private static double[] Combine(IReadOnlyList<double> coefficients, double[][] values) =>
        [.. Enumerable.Range(0, values[0].Length).Select(column => coefficients.Zip(values, (c, row) => c * row[column]).Sum())];

    // Of the shares of the steps, whose sums over whole steps are differences of s^(gamma + 1).
    private static double DiscreteError(IReadOnlyList<double> coefficients, PowerProfile[] stored, PowerProfile target)
    {
        double Share(PowerProfile profile, int step) => step > profile.Step
            ? 0
            : Math.Pow(step / profile.Step, profile.Gamma + 1) - Math.Pow((step - 1) / profile.Step, profile.Gamma + 1);
        return Math.Sqrt(Enumerable.Range(1, (int)target.Step).Sum(step => Math.Pow(
            Share(target, step) - coefficients.Zip(stored, (c, profile) => c * Share(profile, step)).Sum(), 2)));
    }
}
