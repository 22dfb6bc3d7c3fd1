using System.Text.Json;
using Diffusion.Training.Tests.Objectives.Reference;

namespace Diffusion.Training.Tests.Ema.Reference;

/// <summary>Decays of laws, and the averages that they give, against those of other libraries.</summary>
public sealed class DecayLawTableTests
{
    private const string Laws = "decay_laws.json";
    private const string Runs = "decay_runs.safetensors";
    private const double Float64 = 1e-13;
    private const double Float32 = 1e-6;

    public static TheoryData<string> Diffusers => Cases("diffusers_EMAModel");

    public static TheoryData<string> EmaPytorch => Cases("ema_pytorch_EMA");

    public static TheoryData<string> Constant => Cases("constant");

    public static TheoryData<string> TensorFlow => Cases("tensorflow_style");

    public static TheoryData<string> KDiffusion => Cases("k_diffusion_warmup");

    public static TheoryData<string> HalfLife => Cases("halflife");

    // The first average of diffusers is a copy. Without its warm-up, its decay is ours of the step before.
    [Theory]
    [MemberData(nameof(Diffusers))]
    public void A_law_has_the_decays_of_diffusers(string name)
    {
        JsonElement entry = Entry("diffusers_EMAModel", name);
        JsonElement config = entry.GetProperty("config");
        double Value(string key, double unset) => config.TryGetProperty(key, out JsonElement value) ? value.GetDouble() : unset;
        (double max, double min) = (Value("decay", 0.9999), Value("min_decay", 0));
        bool warmsUp = config.TryGetProperty("use_ema_warmup", out JsonElement used) && used.GetBoolean();
        EmaLaw law = warmsUp
            ? EmaLaw.InversePower(1, Value("power", 2.0 / 3), max, min, (long)Value("update_after_step", 0))
            : EmaLaw.Warmup(max, min);
        double DecayAt(int step) => warmsUp ? law.DecayAt(step) : step == 1 ? 0 : law.DecayAt(step - 1);

        Decays(DecayAt, entry.Numbers("decay"), Float64);
        Averages(DecayAt, $"diffusers.{name}.ema", Float64);
    }

    // ema-pytorch counts calls: the first one copies, and others than every tenth do nothing.
    [Theory]
    [MemberData(nameof(EmaPytorch))]
    public void The_warm_up_is_that_of_ema_pytorch(string name)
    {
        JsonElement entry = Entry("ema_pytorch_EMA", name);
        JsonElement config = entry.GetProperty("config");
        double Value(string key, double unset) => config.TryGetProperty(key, out JsonElement value) ? value.GetDouble() : unset;
        (int every, int after) = ((int)Value("update_every", 10), (int)Value("update_after_step", 100));
        EmaLaw law = EmaLaw.InversePower(1, Value("power", 2.0 / 3), Value("beta", 0.9999), 0, after);

        Decays(call => law.DecayAt(call), entry.Numbers("decay_definition"), Float64);
        Averages(call => (call - 1) % every != 0 ? 1 : call - 1 <= after ? 0 : law.DecayAt(call), $"ema_pytorch.{name}.ema", Float32);
    }

    [Theory]
    [MemberData(nameof(Constant))]
    public void A_constant_decay_keeps_its_power_of_the_initial_weights(string name)
    {
        JsonElement entry = Entry("constant", name);
        EmaLaw law = EmaLaw.Constant(Number(name));
        int updates = EmaTables.Rows(Runs)["theta"].Length - 1;

        Enumerable.Range(1, updates).Aggregate(1.0, (product, step) => product * law.DecayAt(step))
            .ShouldBeClose(entry.GetProperty("closed_form_weight_of_initial_after_n").GetDouble(), 1e-12);
        law.DecayOver(updates, updates, 0, 0)
            .ShouldBeClose(entry.GetProperty("closed_form_weight_of_initial_after_n").GetDouble(), 1e-12);
        Averages(step => law.DecayAt(step), $"constant.{name}.ema", Float64);
    }

    // That library counts the updates before this one, ours includes it.
    [Theory]
    [MemberData(nameof(TensorFlow))]
    public void The_default_warm_up_is_that_of_TensorFlow_one_step_later(string name)
    {
        EmaLaw law = EmaLaw.Warmup(Number(name));
        Decays(step => law.DecayAt(step - 1), Entry("tensorflow_style", name).Numbers("decay"), Float64);
        Averages(step => law.DecayAt(step - 1), $"tensorflow.{name}.ema", Float64);
    }

    [Theory]
    [MemberData(nameof(KDiffusion))]
    public void The_inverse_power_is_that_of_k_diffusion(string name)
    {
        JsonElement entry = Entry("k_diffusion_warmup", name);
        EmaLaw law = EmaLaw.InversePower(entry.GetProperty("inv_gamma").GetDouble(), entry.GetProperty("power").GetDouble());
        Decays(step => law.DecayAt(step), entry.Numbers("value"), Float64);
    }

    [Theory]
    [MemberData(nameof(HalfLife))]
    public void A_half_life_counts_images(string name)
    {
        JsonElement entry = Entry("halflife", name);
        int batch = entry.GetProperty("batch").GetInt32();
        double ratio = entry.GetProperty("rampup_ratio") is { ValueKind: JsonValueKind.Number } number ? number.GetDouble() : 0;
        EmaLaw law = EmaLaw.HalfLife(entry.GetProperty("halflife_images").GetDouble(), ratio);
        double Before(int step) => law.DecayAt(step, (step - 1L) * batch, batch);
        double After(int step) => law.DecayAt(step, (long)step * batch, batch);

        Decays(Before, entry.Numbers("beta_images_seen_before_the_batch"), Float64);
        Decays(After, entry.Numbers("beta_images_seen_after_the_batch"), Float64);
        Averages(Before, $"halflife.{name}.before.ema", Float64);
        Averages(After, $"halflife.{name}.after.ema", Float64);
    }

    [Fact]
    public void Every_recorded_law_is_tested() =>
        EmaTables.Json(Laws).Names().Should().BeEquivalentTo(
            "about", "diffusers_EMAModel", "ema_pytorch_EMA", "constant", "tensorflow_style", "k_diffusion_warmup", "halflife");

    private static TheoryData<string> Cases(string law) => EmaTables.Cases(Laws, table => table.GetProperty(law).Names());

    private static JsonElement Entry(string law, string name) => EmaTables.Json(Laws).GetProperty(law).GetProperty(name);

    private static double Number(string name) => double.Parse(name, System.Globalization.CultureInfo.InvariantCulture);

    private static void Decays(Func<int, double> decayAt, double[] expected, double tolerance)
    {
        expected.Should().NotBeEmpty();
        for (int step = 1; step <= expected.Length; step++)
        {
            decayAt(step).Should().BeApproximately(expected[step - 1], tolerance, $"at step {step}");
        }
    }

    private static void Averages(Func<int, double> decayAt, string name, double tolerance)
    {
        IReadOnlyDictionary<string, double[][]> rows = EmaTables.Rows(Runs);
        double[] average = rows["theta"][0];
        for (int step = 1; step <= rows[name].Length; step++)
        {
            double decay = decayAt(step);
            average = [.. average.Zip(rows["theta"][step], (old, weight) => (decay * old) + ((1 - decay) * weight))];
            foreach ((double actual, double expected) in average.Zip(rows[name][step - 1]))
            {
                actual.Should().BeApproximately(expected, tolerance * Math.Max(1, Math.Abs(expected)), $"{name} after step {step}");
            }
        }
    }
}
