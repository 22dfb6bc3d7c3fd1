using System.Text.Json;

namespace Diffusion.Core.Tests.Weights.Diffusers;

/// <summary>Several files mean the same noise levels: what a file says about them is written as it was read.</summary>
public sealed class ScheduleKeysTests
{
    private static readonly string Betas = $"[{string.Join(", ", Enumerable.Repeat("0.01", 300))}]";

    public static TheoryData<string, string> Files { get; } = new()
    {
        { """{"_class_name": "HeunDiscreteScheduler", "beta_schedule": "squaredcos_cap_v2"}""",
            """{"beta_schedule": "squaredcos_cap_v2", "beta_start": 0.00085, "beta_end": 0.012, "trained_betas": null}""" },
        { """{"_class_name": "LCMScheduler", "beta_schedule": "squaredcos_cap_v2"}""",
            """{"beta_schedule": "squaredcos_cap_v2", "beta_start": 0.00085, "beta_end": 0.012, "trained_betas": null}""" },
        { """{"_class_name": "DDIMScheduler", "beta_schedule": "squaredcos_cap_v2", "beta_start": 0.002, "beta_end": 0.03}""",
            """{"beta_schedule": "squaredcos_cap_v2", "beta_start": 0.002, "beta_end": 0.03, "trained_betas": null}""" },
        { """{"_class_name": "DDPMScheduler", "beta_schedule": "laplace"}""",
            """{"beta_schedule": "laplace", "beta_start": 0.0001, "beta_end": 0.02, "trained_betas": null}""" },
        { $$"""{"_class_name": "DDPMScheduler", "num_train_timesteps": 300, "beta_end": 0.05, "trained_betas": {{Betas}}}""",
            $$"""{"beta_schedule": "linear", "beta_start": 0.0001, "beta_end": 0.05, "trained_betas": {{Betas}}}""" },
        {
            """
            {"_class_name": "UniPCMultistepScheduler", "use_flow_sigmas": true, "flow_shift": 3.0, "beta_schedule": "scaled_linear",
             "beta_end": 0.012, "prediction_type": "flow_prediction"}
            """,
            """{"use_flow_sigmas": true, "flow_shift": 3.0, "beta_schedule": "scaled_linear", "beta_end": 0.012}"""
        },
        { """{"_class_name": "DDIMScheduler", "beta_schedule": "squaredcos_cap_v2", "beta_end": 0.5, "rescale_betas_zero_snr": true}""",
            """{"beta_schedule": "squaredcos_cap_v2", "beta_end": 0.5, "rescale_betas_zero_snr": true, "trained_betas": null}""" },
    };

    [Theory]
    [MemberData(nameof(Files))]
    public void Keys_are_written_as_they_were_read_and_with_the_defaults_of_the_class(string file, string expected)
    {
        DiffusersScheduler read = DiffusersScheduler.FromJson(file);
        Compare(read.ToJson(), expected);
        Compare((read with { Prediction = read.Prediction }).ToJson(), expected);
        DiffusersScheduler.FromJson(read.ToJson()).Should().Be(read);
    }

    [Fact]
    public void Another_schedule_or_class_has_keys_of_its_own()
    {
        DiffusersScheduler heun = DiffusersScheduler.FromJson(
            """{"_class_name": "HeunDiscreteScheduler", "beta_schedule": "squaredcos_cap_v2", "beta_start": 0.3}""");
        Compare((heun with { Schedule = NoiseSchedule.Linear(1000, 0.001, 0.03) }).ToJson(),
            """{"beta_schedule": "linear", "beta_start": 0.001, "beta_end": 0.03, "trained_betas": null}""");
        Compare((heun with { ClassName = "DDIMScheduler" }).ToJson(),
            """{"beta_schedule": "squaredcos_cap_v2", "beta_start": 0.0001, "beta_end": 0.02, "trained_betas": null}""");
        Compare((heun with { ClassName = "DDIMScheduler" } with { ClassName = "HeunDiscreteScheduler" }).ToJson(),
            """{"beta_schedule": "squaredcos_cap_v2", "beta_start": 0.3, "beta_end": 0.012, "trained_betas": null}""");
    }

    [Fact]
    public void The_prediction_of_a_file_can_be_exchanged()
    {
        DiffusersScheduler read = DiffusersScheduler.FromJson("""{"_class_name": "DDPMScheduler", "beta_schedule": "laplace"}""");
        Compare((read with { Prediction = PredictionType.Velocity }).ToJson(),
            """{"beta_schedule": "laplace", "prediction_type": "v_prediction"}""");
    }

    private static void Compare(string json, string expected)
    {
        using JsonDocument written = JsonDocument.Parse(json);
        using JsonDocument wanted = JsonDocument.Parse(expected);
        foreach (JsonProperty property in wanted.RootElement.EnumerateObject())
        {
            JsonElement.DeepEquals(written.RootElement.GetProperty(property.Name), property.Value).Should().BeTrue(
                "{0} is {1}", property.Name, written.RootElement.GetProperty(property.Name));
        }
    }
}
