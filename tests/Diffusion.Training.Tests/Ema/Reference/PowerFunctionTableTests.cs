using System.Globalization;
using System.Text.Json;
using Diffusion.Training.Tests.Objectives.Reference;

namespace Diffusion.Training.Tests.Ema.Reference;

/// <summary>Exponents, widths and decays of power functions against a table.</summary>
public sealed class PowerFunctionTableTests
{
    private const string Table = "power_ema_table.json";
    private const double Tolerance = 1e-12;

    public static TheoryData<string> Widths => EmaTables.Cases(Table, table => table.GetProperty("table").EnumerateArray()
        .Select(entry => entry.GetProperty("sigma_rel").GetRawText()));

    public static TheoryData<string> Gammas => EmaTables.Cases(Table, table => table.GetProperty("from_gamma").EnumerateArray()
        .Select(entry => entry.GetProperty("gamma").GetRawText()));

    [Theory]
    [MemberData(nameof(Widths))]
    public void A_width_has_the_exponent_and_the_decays_of_the_table(string width)
    {
        JsonElement entry = Find("table", "sigma_rel", width);
        double sigmaRel = double.Parse(width, CultureInfo.InvariantCulture);
        EmaLaw law = EmaLaw.PowerFunction(sigmaRel);

        PowerProfile.GammaOf(sigmaRel).ShouldBeClose(entry.GetProperty("gamma").GetDouble(), Tolerance);
        PowerProfile.SigmaRelOf(PowerProfile.GammaOf(sigmaRel)).ShouldBeClose(sigmaRel, Tolerance);
        foreach (JsonProperty decay in entry.GetProperty("beta_at_t").EnumerateObject())
        {
            law.DecayAt(long.Parse(decay.Name, CultureInfo.InvariantCulture)).Should()
                .BeApproximately(decay.Value.GetDouble(), Tolerance, decay.Name);
        }

        foreach (JsonProperty decay in entry.GetProperty("beta_batch_2048_at_images").EnumerateObject())
        {
            law.DecayAt(long.Parse(decay.Name, CultureInfo.InvariantCulture) / 2048).Should()
                .BeApproximately(decay.Value.GetDouble(), Tolerance, decay.Name);
        }
    }

    [Theory]
    [MemberData(nameof(Gammas))]
    public void An_exponent_has_the_width_of_the_table(string exponent)
    {
        JsonElement entry = Find("from_gamma", "gamma", exponent);
        double gamma = double.Parse(exponent, CultureInfo.InvariantCulture);
        double sigmaRel = entry.GetProperty("sigma_rel").GetDouble();

        PowerProfile.SigmaRelOf(gamma).ShouldBeClose(sigmaRel, Tolerance);
        EmaLaw.PowerFunctionOfGamma(gamma).SigmaRel!.Value.ShouldBeClose(sigmaRel, Tolerance);
    }

    private static JsonElement Find(string list, string key, string value) =>
        EmaTables.Json(Table).GetProperty(list).EnumerateArray().First(entry => entry.GetProperty(key).GetRawText() == value);
}
