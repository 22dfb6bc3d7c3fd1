using System.Text.Json;
using Diffusion.Sampling.Tests.Traces;
using Diffusion.TestKit;
using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Sampling.Tests.Diffusers;

/// <summary>Scheduler files of old versions of diffusers, with missing and with old keys.</summary>
public sealed class OldSchedulerTests
{
    public static TheoryData<string> Cases => PipelineFolder.OldSchedulers;

    [Theory]
    [MemberData(nameof(Cases))]
    public void An_old_file_means_what_it_meant_or_is_refused(string name)
    {
        string text = PipelineFolder.Scheduler(name);
        ConfigSettings file = new(text);
        using JsonDocument document = PipelineFolder.Expected(name);
        if (SchedulerRefusals.Of(file) is { } reason)
        {
            FluentActions.Invoking(() => DiffusersScheduler.FromJson(text)).Should().Throw<FormatException>()
                .Which.Message.Should().ContainAll(reason);
            return;
        }

        JsonElement expected = document.RootElement;
        DiffusersScheduler scheduler = DiffusersScheduler.FromJson(text);
        DiffusersScheduler.FromJson(scheduler.ToJson()).Should().Be(scheduler);
        ConfigSettings written = new(scheduler.ToJson());
        CompareDefaults(written, new ConfigSettings(expected.GetProperty("loaded_config").GetRawText()), file);
        if (expected.TryGetProperty("alphas_cumprod", out JsonElement alphaBars))
        {
            SchedulerConfigTests.CompareAlphaBars((DiscreteSchedule)scheduler.Schedule, alphaBars);
        }

        StepSampler sampler = (StepSampler)scheduler.ToSampler(10);
        NoiseLevel[] levels = [.. sampler.Grid!.Levels(scheduler.Schedule, 10)];
        double[] timesteps = GridAsRecorded.Once(written, PipelineFolder.Numbers(expected.GetProperty("timesteps_10")));

        // A last step from timestep 0 to the level of timestep 0 moves nothing: it is left out.
        bool leavesOut = timesteps[^1] == 0 && levels[^1].Sigma > 0;
        levels.Take(timesteps.Length).Select(level => level.Label).Should().Equal(timesteps);
        if (expected.TryGetProperty("last_step", out JsonElement step))
        {
            CompareLastStep(scheduler, sampler, leavesOut, step, Meaning(expected) ?? step);
        }
    }

    // With the old key, diffusers' present version ignores what the key meant: the file's own meaning counts.
    private static void CompareDefaults(ConfigSettings written, ConfigSettings loaded, ConfigSettings file)
    {
        IEnumerable<KeyValuePair<string, string>> defaults = loaded.Values
            .Where(pair => pair.Key is not ("timestep_values" or "tensor_format" or "predict_epsilon"))
            .Where(pair => !file.Has("predict_epsilon") || file.Flag("predict_epsilon") || pair.Key != "prediction_type");
        defaults.Should().NotBeEmpty().And.OnlyContain(pair => written.Values[pair.Key] == pair.Value);
    }

    private static void CompareLastStep(DiffusersScheduler scheduler, StepSampler sampler, bool endsAtZero, JsonElement recorded,
        JsonElement expected)
    {
        using DisposeScope scope = NewDisposeScope();
        NoiseLevel level = scheduler.Schedule.At(recorded.GetProperty("t").GetDouble());
        Tensor output = Images(recorded.GetProperty("model_output"));
        using ScriptedModel network = new((_, _, _) => output.clone());
        Denoiser denoiser = new(network, scheduler.Schedule, Parameterization.Of(scheduler.Prediction));
        Tensor noisy = Images(recorded.GetProperty("sample"));
        Tensor clean = sampler.Clipping.Apply(denoiser.Denoise(noisy, level).Clean);
        clean.MaxDifference(Images(expected.GetProperty("predicted_x0"))).Should().BeLessThan(1e-5);
        Tensor after = StepByStep.Run(
            sampler, denoiser, [level, endsAtZero ? level : NoiseLevel.Clean], noisy, new RecordedNoise(null))[^1];
        after.MaxDifference(Images(expected.GetProperty("previous_sample"))).Should().BeLessThan(1e-5);
    }

    // The result of the last step under the old meaning, wherever it is.
    private static JsonElement? Meaning(JsonElement expected)
    {
        if (!expected.TryGetProperty("meaning_of_the_old_key", out JsonElement meaning) || meaning.ValueKind != JsonValueKind.Object)
        {
            return null;
        }

        return meaning.TryGetProperty("last_step", out JsonElement step) ? step : meaning;
    }

    private static Tensor Images(JsonElement values) =>
        tensor(Array.ConvertAll(PipelineFolder.Numbers(values), value => (float)value)).reshape(1, 1, 2, 2);
}
