using System.Text.Json;
using Diffusion.TestKit;

namespace Diffusion.Core.Tests.Schedules;

/// <summary>The shift of rectified flow against tables that were computed outside of this library.</summary>
public sealed class FlowShiftTests
{
    private static readonly string? Objectives = ReferenceFolder.Find("objectives");

    public static TheoryData<int> Shifts => Places("shift");

    public static TheoryData<int> Tokens => Places("image_tokens");

    public static TheoryData<int> Dynamic => Places("dynamic");

    public static TheoryData<string> SchedulerSets
    {
        get
        {
            using JsonDocument? file = Read();
            return file is null
                ? ["(none)"]
                : [.. file.RootElement.GetProperty("scheduler_sets").EnumerateObject().Select(set => set.Name)];
        }
    }

    [Theory]
    [MemberData(nameof(Shifts))]
    public void A_shifted_time_is_that_of_the_table(int place)
    {
        using JsonDocument file = Required();
        JsonElement entry = file.RootElement.GetProperty("shift")[place];
        Compare(file, entry.GetProperty("shift").GetDouble(), entry.GetProperty("t_shifted"));
    }

    [Theory]
    [MemberData(nameof(Dynamic))]
    public void A_shift_that_follows_from_mu_is_that_of_the_table(int place)
    {
        using JsonDocument file = Required();
        JsonElement entry = file.RootElement.GetProperty("dynamic")[place];
        Assert.SkipWhen(entry.GetProperty("sigma").GetDouble() != 1, "A schedule has no power of the odds: every published model has 1.");
        double mu = entry.GetProperty("mu").GetDouble();
        Compare(file, Math.Exp(mu), entry.GetProperty("t_shifted"));
        Compare(file, mu, entry.GetProperty("t_shifted_linear_kind"));
    }

    [Theory]
    [MemberData(nameof(Tokens))]
    public void The_shift_of_a_number_of_tokens_is_that_of_the_table(int place)
    {
        using JsonDocument file = Required();
        double expected = file.RootElement.GetProperty("shift_from_mu")[place].GetDouble();
        double shift = FlowSchedule.ForTokens(file.RootElement.GetProperty("image_tokens")[place].GetInt32()).Shift;
        shift.Should().BeApproximately(expected, 1e-12 * expected);
    }

    [Theory]
    [MemberData(nameof(SchedulerSets))]
    public void Levels_of_an_even_grid_are_the_sigmas_of_diffusers(string name)
    {
        using JsonDocument file = Required();
        using JsonDocument set = JsonDocument.Parse(name);
        JsonElement config = set.RootElement;
        Assert.SkipWhen(config.TryGetProperty("shift_terminal", out _) || config.TryGetProperty("invert_sigmas", out _)
            || config.TryGetProperty("use_karras_sigmas", out _), "This set changes the grid of a sampler, not the schedule.");
        double mu = config.GetProperty("mu") is { ValueKind: JsonValueKind.Number } number ? number.GetDouble() : double.NaN;
        bool isDynamic = config.TryGetProperty("use_dynamic_shifting", out _);
        double shift = !isDynamic ? config.GetProperty("shift").GetDouble()
            : config.TryGetProperty("time_shift_type", out _) ? mu : Math.Exp(mu);
        FlowSchedule schedule = new(shift);
        double[] expected = [.. file.RootElement.GetProperty("scheduler_sets").GetProperty(name).GetProperty("sigmas_float32")
            .EnumerateArray().Select(sigma => sigma.GetDouble())];

        // diffusers applies a static shift to the lowest sigma once more (fault 11); the grid ends in an added 0.
        double last = isDynamic ? 0.001 : schedule.At(0.001).Sigma;
        int steps = config.GetProperty("steps").GetInt32();
        for (int i = 0; i < steps; i++)
        {
            NoiseLevel level = schedule.At(1 + ((last - 1) * i / (steps - 1)));
            level.Sigma.Should().BeApproximately(expected[i], 1e-5);
            level.Label.Should().BeApproximately(1000 * expected[i], 1e-2);
        }
    }

    [Theory]
    [InlineData(0.0)]
    [InlineData(-1.0)]
    [InlineData(double.NaN)]
    [InlineData(double.PositiveInfinity)]
    public void An_impossible_shift_is_refused(double shift) =>
        FluentActions.Invoking(() => new FlowSchedule(shift)).Should().Throw<ArgumentOutOfRangeException>()
            .WithMessage("The shift must be a number above 0. Use 1 for none.*");

    private static void Compare(JsonDocument file, double shift, JsonElement expected)
    {
        FlowSchedule schedule = new(shift);
        JsonElement times = file.RootElement.GetProperty("t");
        for (int i = 0; i < times.GetArrayLength(); i++)
        {
            double time = times[i].GetDouble();
            NoiseLevel level = schedule.At(time);
            level.Sigma.Should().BeApproximately(expected[i].GetDouble(), 1e-12 * expected[i].GetDouble());
            (level.Alpha + level.Sigma).Should().BeApproximately(1, 1e-15);
            schedule.TimeOf(level.HalfLogSnr).Should().BeApproximately(time, 1e-12);
        }
    }

    private static TheoryData<int> Places(string name)
    {
        using JsonDocument? file = Read();
        return file is null ? [0] : [.. Enumerable.Range(0, file.RootElement.GetProperty(name).GetArrayLength())];
    }

    private static JsonDocument Required()
    {
        JsonDocument? file = Read();
        Assert.SkipWhen(file is null, ReferenceFolder.Missing);
        return file!;
    }

    private static JsonDocument? Read() =>
        Objectives is null ? null : JsonDocument.Parse(File.ReadAllText(Path.Combine(Objectives, "flow_shift.json")));
}
