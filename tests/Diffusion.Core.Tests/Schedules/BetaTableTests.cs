using System.Text.Json;
using Diffusion.TestKit;

namespace Diffusion.Core.Tests.Schedules;

/// <summary>Schedules of betas against tables that were computed outside of this library.</summary>
public sealed class BetaTableTests
{
    private const string TooShort = "A schedule has 250 timesteps or more.";

    // diffusers' laplace takes a square root too many (fault 47).
    private const string OtherLaplace = "This table has the square root of the published alpha-bar.";

    private static readonly string? Objectives = ReferenceFolder.Find("objectives");
    private static readonly string? Samplers = ReferenceFolder.Find("samplers");

    public static TheoryData<string> Definitions => Entries("beta_schedules.json");

    public static TheoryData<string> Rescaled => Entries("zero_terminal_snr.json");

    public static TheoryData<string> Libraries => Samplers is null
        ? ["(none)"]
        : [.. Directory.EnumerateDirectories(Samplers, "betas_*").Select(folder => Path.GetFileName(folder)!)];

    [Theory]
    [MemberData(nameof(Definitions))]
    public void Betas_and_alpha_bars_are_those_of_the_definition(string name)
    {
        Assert.SkipWhen(Objectives is null, ReferenceFolder.Missing);
        using JsonDocument file = Read("beta_schedules.json");
        JsonElement entry = file.RootElement.GetProperty("schedules").GetProperty(name);
        Assert.SkipWhen(name.StartsWith("laplace_", StringComparison.Ordinal) && !name.Contains("paper"), OtherLaplace);
        JsonElement config = entry.GetProperty("config");
        int timesteps = int.Parse(name[(name.LastIndexOf('_') + 1)..]);
        double[] betas = FormulaOf(name, config).Betas(timesteps);
        double[] alphaBars = AlphaBars(betas);
        foreach ((int t, int row) in Numbers(entry, "indices").Select((t, row) => ((int)t, row)))
        {
            betas[t].Should().BeApproximately(Numbers(entry, "betas")[row], 1e-13, "beta {0}", t);
            alphaBars[t].Should().BeApproximately(Numbers(entry, "alphas_cumprod")[row], 1e-13, "alpha-bar {0}", t);
        }

        if (timesteps >= NoiseSchedule.MinTimesteps)
        {
            DiscreteSchedule schedule = ScheduleOf(name, config, timesteps);
            schedule.Betas.Should().Equal(betas);
            schedule[timesteps - 1].Alpha.Should().BeApproximately(Math.Sqrt(alphaBars[^1]), 1e-13);
        }
    }

    [Theory]
    [MemberData(nameof(Rescaled))]
    public void The_last_timestep_of_a_rescaled_schedule_is_pure_noise_and_the_others_are_those_of_the_table(string name)
    {
        Assert.SkipWhen(Objectives is null, ReferenceFolder.Missing);
        using JsonDocument file = Read("zero_terminal_snr.json");
        JsonElement entry = file.RootElement.GetProperty("schedules").GetProperty(name);
        DiscreteSchedule original = name switch
        {
            "linear" => NoiseSchedule.Linear(),
            "scaled_linear" => NoiseSchedule.ScaledLinear(),
            "squaredcos_cap_v2" => NoiseSchedule.Cosine(),
            _ => throw new InvalidOperationException($"No test knows the schedule {name}."),
        };
        DiscreteSchedule schedule = original.WithZeroTerminalSnr();
        (schedule[999].Alpha, schedule[999].Sigma).Should().Be((0, 1));
        schedule[0].Alpha.Should().BeApproximately(original[0].Alpha, 1e-15);
        foreach ((int t, int row) in Numbers(entry, "indices").Select((t, row) => ((int)t, row)))
        {
            double alphaBar = Math.Pow(schedule[t].Alpha, 2);
            double before = t == 0 ? 1 : Math.Pow(schedule[t - 1].Alpha, 2);
            alphaBar.Should().BeApproximately(Numbers(entry, "alphas_cumprod")[row], 1e-13, "alpha-bar {0}", t);
            (1 - (alphaBar / before)).Should().BeApproximately(Numbers(entry, "betas")[row], 1e-12, "beta {0}", t);
        }
    }

    [Theory]
    [MemberData(nameof(Libraries))]
    public void Alpha_bars_are_those_of_diffusers(string name)
    {
        Assert.SkipWhen(Samplers is null, ReferenceFolder.Missing);
        Assert.SkipWhen(name.Contains("laplace"), OtherLaplace);
        using JsonDocument file = JsonDocument.Parse(File.ReadAllText(Path.Combine(Samplers!, name, "case.json")));
        JsonElement config = file.RootElement.GetProperty("config_given");
        bool rescaled = config.TryGetProperty("rescale_betas_zero_snr", out JsonElement flag) && flag.GetBoolean();
        int timesteps = config.GetProperty("num_train_timesteps").GetInt32();
        Assert.SkipWhen(rescaled && timesteps < NoiseSchedule.MinTimesteps, TooShort);
        using SafeTensors trace = SafeTensorsFile.Read(Path.Combine(Samplers!, name, "trace.safetensors"));
        double[] recorded = trace.Tensors["alphas_cumprod"].data<double>().ToArray();
        string curve = config.GetProperty("beta_schedule").GetString()!;
        double[] alphaBars = AlphaBars(FormulaOf(curve, config).Betas(timesteps));
        if (rescaled)
        {
            DiscreteSchedule schedule = ScheduleOf(curve, config, timesteps).WithZeroTerminalSnr();
            alphaBars = [.. Enumerable.Range(0, timesteps).Select(t => Math.Pow(schedule[t].Alpha, 2))];
        }

        for (int t = 0; t < timesteps; t++)
        {
            alphaBars[t].Should().BeApproximately(recorded[t], 1e-12, "alpha-bar {0}", t);
        }
    }

    [Theory]
    [MemberData(nameof(Libraries))]
    public void A_scheduler_file_of_diffusers_has_its_alpha_bars(string name)
    {
        Assert.SkipWhen(Samplers is null, ReferenceFolder.Missing);
        using JsonDocument file = JsonDocument.Parse(File.ReadAllText(Path.Combine(Samplers!, name, "case.json")));
        using SafeTensors trace = SafeTensorsFile.Read(Path.Combine(Samplers!, name, "trace.safetensors"));
        double[] recorded = trace.Tensors["alphas_cumprod"].data<double>().ToArray();
        string settings = file.RootElement.GetProperty("config_given").GetRawText().TrimStart()[1..];

        DiffusersScheduler scheduler = DiffusersScheduler.FromJson(
            $"{{\"_class_name\": \"{file.RootElement.GetProperty("class").GetString()}\", {settings}");

        foreach (DiffusersScheduler one in (DiffusersScheduler[])[scheduler, DiffusersScheduler.FromJson(scheduler.ToJson())])
        {
            DiscreteSchedule schedule = (DiscreteSchedule)one.Schedule;
            schedule.Timesteps.Should().Be(recorded.Length);
            for (int t = 0; t < recorded.Length; t++)
            {
                Math.Pow(schedule[t].Alpha, 2).Should().BeApproximately(recorded[t], 1e-12, "alpha-bar {0}", t);
            }
        }
    }

    [Fact]
    public void A_schedule_that_does_not_preserve_the_variance_is_not_rescaled()
    {
        DiscreteSchedule exploding = new([.. Enumerable.Range(0, 250).Select(t => new NoiseLevel(1, 0.1 + t, t))], "exploding");
        exploding.Invoking(schedule => schedule.WithZeroTerminalSnr()).Should().Throw<InvalidOperationException>()
            .WithMessage("exploding cannot be rescaled*Rescale a schedule of betas.");
    }

    private static BetaFormula FormulaOf(string name, JsonElement config) => name switch
    {
        _ when name.StartsWith("linear", StringComparison.Ordinal) => WithLimits(NoiseScheduleKind.Linear, config),
        _ when name.StartsWith("scaled_linear", StringComparison.Ordinal) => WithLimits(NoiseScheduleKind.ScaledLinear, config),
        _ when name.StartsWith("sigmoid", StringComparison.Ordinal) => WithLimits(NoiseScheduleKind.Sigmoid, config),
        _ when name.StartsWith("squaredcos", StringComparison.Ordinal) => new BetaFormula(NoiseScheduleKind.Cosine),
        _ when name.StartsWith("laplace", StringComparison.Ordinal) => new BetaFormula(NoiseScheduleKind.Laplace),
        _ when name.StartsWith("exp", StringComparison.Ordinal) => new BetaFormula(NoiseScheduleKind.Exponential),
        _ => throw new InvalidOperationException($"No test knows the schedule {name}."),
    };

    private static BetaFormula WithLimits(NoiseScheduleKind kind, JsonElement config) =>
        new(kind, config.GetProperty("beta_start").GetDouble(), config.GetProperty("beta_end").GetDouble());

    private static DiscreteSchedule ScheduleOf(string name, JsonElement config, int timesteps) => FormulaOf(name, config) switch
    {
        { Kind: NoiseScheduleKind.Linear } formula => NoiseSchedule.Linear(timesteps, formula.Start, formula.End),
        { Kind: NoiseScheduleKind.ScaledLinear } formula => NoiseSchedule.ScaledLinear(timesteps, formula.Start, formula.End),
        { Kind: NoiseScheduleKind.Sigmoid } formula => NoiseSchedule.Sigmoid(timesteps, formula.Start, formula.End),
        { Kind: var kind } => NoiseSchedule.Create(kind, timesteps),
    };

    private static double[] AlphaBars(double[] betas)
    {
        double product = 1;
        return [.. betas.Select(beta => product *= 1 - beta)];
    }

    private static double[] Numbers(JsonElement entry, string name) =>
        [.. entry.GetProperty(name).EnumerateArray().Select(number => number.GetDouble())];

    private static TheoryData<string> Entries(string name)
    {
        if (Objectives is null)
        {
            return ["(none)"];
        }

        using JsonDocument file = Read(name);
        return [.. file.RootElement.GetProperty("schedules").EnumerateObject().Select(entry => entry.Name)];
    }

    private static JsonDocument Read(string name) => JsonDocument.Parse(File.ReadAllText(Path.Combine(Objectives!, name)));
}
