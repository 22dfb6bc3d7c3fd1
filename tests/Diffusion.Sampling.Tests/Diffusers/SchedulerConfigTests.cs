using System.Globalization;
using System.Text.Json;
using Diffusion.Sampling.Tests.Traces;

namespace Diffusion.Sampling.Tests.Diffusers;

/// <summary>Every scheduler file that diffusers wrote: its schedule and grid are those of diffusers, or it is refused by name.</summary>
public sealed class SchedulerConfigTests
{
    private const double Tolerance = 1e-4;

    public static TheoryData<string> Cases => PipelineFolder.Schedulers;

    [Theory]
    [MemberData(nameof(Cases))]
    public void A_file_has_the_schedule_and_grid_of_diffusers_or_is_refused(string name)
    {
        string text = PipelineFolder.Scheduler(name);
        using JsonDocument expected = PipelineFolder.Expected(name);
        if (SchedulerRefusals.Of(new ConfigSettings(text)) is { } reason)
        {
            Action read = () => DiffusersScheduler.FromJson(text).ToSampler();
            read.Should().Throw<Exception>().Where(e => e is FormatException || e is ArgumentException)
                .Which.Message.Should().ContainAll(reason);
            return;
        }

        DiffusersScheduler scheduler = DiffusersScheduler.FromJson(text);
        ConfigSettings settings = new(scheduler.ToJson());
        if (expected.RootElement.TryGetProperty("alphas_cumprod", out JsonElement alphaBars))
        {
            CompareAlphaBars((DiscreteSchedule)scheduler.Schedule, alphaBars);
        }

        if (expected.RootElement.TryGetProperty("set_timesteps", out JsonElement grid))
        {
            RecordedGrid.Compare(scheduler, settings, grid, Tolerance);
        }

        if (expected.RootElement.TryGetProperty("init_noise_sigma", out JsonElement start))
        {
            RecordedGrid.CompareStart(scheduler, settings, start.GetDouble(), Tolerance);
        }
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void A_file_is_written_as_it_was_read(string name)
    {
        string text = PipelineFolder.Scheduler(name);
        ConfigSettings file = new(text);
        DiffusersScheduler scheduler;
        try
        {
            scheduler = DiffusersScheduler.FromJson(text);
        }
        catch (FormatException)
        {
            SchedulerRefusals.Of(file).Should().NotBeNull("only what the table says is refused");
            return;
        }

        string written = scheduler.ToJson();
        DiffusersScheduler.FromJson(written).Should().Be(scheduler);
        new ConfigSettings(written).Values.Where(pair => file.Values.ContainsKey(pair.Key)).Should()
            .OnlyContain(pair => pair.Value == file.Values[pair.Key]);
        new ConfigSettings(written).Values.Keys.Should().Contain(file.Values.Keys);
        if (file.Values.ContainsKey("lambda_min_clipped"))
        {
            written.Should().Contain("\"lambda_min_clipped\": -Infinity", "Python writes it so");
        }
    }

    /// <summary>Compares alpha-bar at some timesteps.</summary>
    internal static void CompareAlphaBars(DiscreteSchedule schedule, JsonElement expected)
    {
        foreach (JsonProperty bar in expected.EnumerateObject())
        {
            double alpha = schedule[int.Parse(bar.Name, CultureInfo.InvariantCulture)].Alpha;
            (alpha * alpha).Should().BeApproximately(bar.Value.GetDouble(), 1e-6, "timestep {0}", bar.Name);
        }
    }
}
