using System.Globalization;

namespace Diffusion.Core.Tests.Weights.Diffusers;

public sealed class DiffusersSchedulerTests : IDisposable
{
    private readonly HandmadeFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void What_a_configuration_does_not_name_has_the_default_of_diffusers()
    {
        folder.Write(HandmadeFolder.Scheduler, """{"_class_name": "DDPMScheduler"}""");
        DiffusersScheduler scheduler = Load();
        scheduler.Should().Be(new DiffusersScheduler { Schedule = NoiseSchedule.Linear() });
        scheduler.Settings.Should().BeEmpty();
        scheduler.Prediction.Should().Be(PredictionType.Epsilon);
        Values(scheduler, "variance_type", "clip_sample", "clip_sample_range", "thresholding", "dynamic_thresholding_ratio",
            "sample_max_value", "timestep_spacing", "steps_offset").Should()
            .Equal("fixed_small", true, 1.0, false, 0.995, 1.0, "leading", 0);
        scheduler.Schedule.Description.Should().Be(NoiseSchedule.Linear(1000, 1e-4, 0.02).Description);
    }

    [Fact]
    public void Every_setting_is_read()
    {
        folder.Set(HandmadeFolder.Index, "_class_name", "\"DDIMPipeline\"");
        folder.Set(HandmadeFolder.Index, "scheduler", """["diffusers", "DDIMScheduler"]""");
        folder.Write(HandmadeFolder.Scheduler, """
            {"_class_name": "DDIMScheduler", "_diffusers_version": "0.33.1", "beta_end": 0.012, "beta_schedule": "scaled_linear",
             "beta_start": 0.00085, "clip_sample": false, "clip_sample_range": 2, "dynamic_thresholding_ratio": 0.9,
             "num_train_timesteps": 500, "prediction_type": "v_prediction",
             "rescale_betas_zero_snr": false, "sample_max_value": 3, "set_alpha_to_one": false, "skip_prk_steps": true, "solver_order": 2,
             "steps_offset": 1, "thresholding": true, "timestep_spacing": "trailing", "trained_betas": null, "variance_type": "fixed_large"}
            """);
        DiffusersScheduler scheduler = Load();
        scheduler.ClassName.Should().Be("DDIMScheduler");
        scheduler.Prediction.Should().Be(PredictionType.Velocity);
        Values(scheduler, "clip_sample", "clip_sample_range", "thresholding", "dynamic_thresholding_ratio", "sample_max_value",
            "timestep_spacing", "steps_offset", "set_alpha_to_one").Should().Equal(false, 2.0, true, 0.9, 3.0, "trailing", 1, false);
        scheduler["variance_type"].Should().BeNull("DDIM has no such setting");
        (scheduler with { ClassName = "DDPMScheduler" })["variance_type"].Should().Be("fixed_large", "the file had it");
        scheduler.Schedule.Description.Should().Be(NoiseSchedule.ScaledLinear(500, 0.00085, 0.012).Description);
    }

    // Products of 1 - beta, computed in Python from the formulas of diffusers' schedulers, in float64.
    [Theory]
    [InlineData("linear", 0.0001, 0.02, 0.9999, 0.07779665836502386, 4.0358297653756754e-05)]
    [InlineData("scaled_linear", 0.00085, 0.012, 0.99915, 0.2763326838229746, 0.004660098513077234)]
    [InlineData("squaredcos_cap_v2", 0.0001, 0.02, 0.999958715775178, 0.49228517244880304, 2.4287669070348567e-09)]
    [InlineData("sigmoid", 0.0001, 0.02, 0.9998507947991829, 0.29888762784675893, 3.968181990533219e-05)]
    public void Each_schedule_has_the_noise_levels_of_diffusers(string name, double start, double end, double first, double middle,
        double last)
    {
        folder.Set(HandmadeFolder.Scheduler, "beta_schedule", $"\"{name}\"");
        folder.Set(HandmadeFolder.Scheduler, "beta_start", string.Create(CultureInfo.InvariantCulture, $"{start}"));
        folder.Set(HandmadeFolder.Scheduler, "beta_end", string.Create(CultureInfo.InvariantCulture, $"{end}"));
        DiscreteSchedule schedule = (DiscreteSchedule)Load().Schedule;
        foreach ((int t, double expected) in ((int, double)[])[(0, first), (500, middle), (999, last)])
        {
            Math.Pow(schedule[t].Alpha, 2).Should().BeApproximately(expected, expected * 1e-9);
        }
    }

    [Fact]
    public void Betas_one_by_one_are_a_schedule_told_apart_by_its_description()
    {
        folder.Set(HandmadeFolder.Scheduler, "num_train_timesteps", "250");
        folder.Set(HandmadeFolder.Scheduler, "trained_betas", $"[{string.Join(",", Enumerable.Repeat("0.01", 250))}]");
        DiscreteSchedule one = (DiscreteSchedule)Load().Schedule;
        one.Timesteps.Should().Be(250);
        Math.Pow(one[249].Alpha, 2).Should().BeApproximately(Math.Pow(0.99, 250), 1e-12);

        folder.Set(HandmadeFolder.Scheduler, "trained_betas", $"[{string.Join(",", Enumerable.Repeat("0.01", 249))},0.011]");
        Load().Schedule.Description.Should().NotBe(one.Description).And.StartWith("trained-betas(timesteps: 250, sha256: ");

        folder.Set(HandmadeFolder.Scheduler, "trained_betas", $"[{string.Join(",", Enumerable.Repeat("0.01", 249))},1]");
        ((Action)(() => Load())).Should().Throw<DiffusersFolderException>().WithMessage("*trained_betas has 1 at 249*(0, 1)*");
    }

    [Fact]
    public void A_DDIM_pipeline_samples_with_DDIM_whatever_its_scheduler_is_called()
    {
        folder.Set(HandmadeFolder.Index, "_class_name", "\"DDIMPipeline\"");
        Load().ClassName.Should().Be("DDIMScheduler");
    }

    [Fact]
    public void A_configuration_without_a_class_is_of_the_class_that_the_index_names()
    {
        folder.Set(HandmadeFolder.Scheduler, "_class_name", null);
        folder.Set(HandmadeFolder.Index, "scheduler", """["diffusers", "DDIMScheduler"]""");
        Load().ClassName.Should().Be("DDIMScheduler");
    }

    [Fact]
    public void Keys_of_old_files_are_understood()
    {
        folder.Set(HandmadeFolder.Scheduler, "timestep_values", "null");
        folder.Set(HandmadeFolder.Scheduler, "tensor_format", "\"pt\"");
        folder.Set(HandmadeFolder.Scheduler, "predict_epsilon", "true");
        Load().Should().Be(new DiffusersScheduler { Schedule = NoiseSchedule.Linear() });
    }

    [Fact]
    public void A_network_that_does_not_predict_the_noise_predicts_the_image()
    {
        folder.Set(HandmadeFolder.Scheduler, "prediction_type", null);
        folder.Set(HandmadeFolder.Scheduler, "predict_epsilon", "false");
        Load().Prediction.Should().Be(PredictionType.Sample);
    }

    [Fact]
    public void Zero_terminal_SNR_is_read()
    {
        folder.Set(HandmadeFolder.Scheduler, "rescale_betas_zero_snr", "true");
        Load().Schedule.Description.Should().Be(NoiseSchedule.Linear(1000, 1e-4, 0.02).WithZeroTerminalSnr().Description);
    }

    [Fact]
    public void Settings_without_a_meaning_are_problems()
    {
        DiffusersScheduler good = new() { Schedule = NoiseSchedule.Linear() };
        good.Problems().Should().BeEmpty();
        (good with { ClassName = "Mine" }).Problems().Should().ContainSingle().Which.Should().Contain("\"Mine\"").And.Contain("unknown");
        (good with { ClassName = "SCMScheduler" }).Problems().Should().ContainSingle().Which.Should().Contain("distilled");
        (good with { Schedule = new FlowSchedule() }).Problems().Should().ContainSingle().Which.Should().Contain("DiscreteSchedule");
        (good with { Prediction = PredictionType.Flow }).Problems().Should().ContainSingle().Which.Should().Contain("Epsilon or Sample");
        (good.With("clip_sample_range", 2) with { ClassName = "UnCLIPScheduler" }).Problems().Should().BeEmpty();
    }

    [Theory]
    [InlineData("clip_sample_range", -1.0, "clip_sample_range is -1, but must be a number above 0")]
    [InlineData("clip_sample_range", double.NaN, "finite")]
    [InlineData("clip_sample", 1, "true or false")]
    [InlineData("variance_type", "large", "\"fixed_large\"")]
    [InlineData("solver_order", 2, "has no setting solver_order")]
    [InlineData("beta_start", 0.1, "part of Schedule")]
    [InlineData("steps_offset", null, "must be an integer")]
    public void A_setting_that_is_not_supported_cannot_be_set(string setting, object? value, string expected)
    {
        Action set = () => new DiffusersScheduler { Schedule = NoiseSchedule.Linear() }.With(setting, value);
        set.Should().Throw<ArgumentException>().WithMessage($"*{expected}*");
    }

    [Fact]
    public void Schedulers_with_equal_files_are_equal()
    {
        DiffusersScheduler one = new() { Schedule = NoiseSchedule.Linear() };
        one.With("clip_sample", true).Should().Be(one, "true is the default");
        one.With("clip_sample", false).Should().NotBe(one);
        (one with { Prediction = PredictionType.Sample }).Should().NotBe(one);
        (one with { Schedule = NoiseSchedule.Cosine() }).Should().NotBe(one);
    }

    public static TheoryData<string, INoiseSchedule, PredictionType> Schedules { get; } = new()
    {
        { """{"_class_name": "FlowMatchEulerDiscreteScheduler", "shift": 3.0}""", new FlowSchedule(3), PredictionType.Flow },
        { """{"_class_name": "FlowMatchHeunDiscreteScheduler"}""", new FlowSchedule(), PredictionType.Flow },
        { """{"_class_name": "UniPCMultistepScheduler", "use_flow_sigmas": true, "flow_shift": 5, "prediction_type": "flow_prediction"}""",
            new FlowSchedule(5), PredictionType.Flow },
        { """{"_class_name": "EDMEulerScheduler", "sigma_min": 0.01, "sigma_max": 40}""", new EdmSchedule(0.01, 40), PredictionType.Edm },
        { """{"_class_name": "UnCLIPScheduler", "prediction_type": "sample"}""", NoiseSchedule.Cosine(), PredictionType.Sample },
        { """{"_class_name": "HeunDiscreteScheduler"}""", NoiseSchedule.Linear(1000, 0.00085, 0.012), PredictionType.Epsilon },
        { """{"_class_name": "LCMScheduler"}""", NoiseSchedule.ScaledLinear(1000, 0.00085, 0.012), PredictionType.Epsilon },
    };

    [Theory]
    [MemberData(nameof(Schedules))]
    public void A_file_says_what_noise_a_network_was_trained_with(string json, INoiseSchedule schedule, PredictionType prediction)
    {
        DiffusersScheduler scheduler = DiffusersScheduler.FromJson(json);
        scheduler.Schedule.Description.Should().Be(schedule.Description);
        scheduler.Prediction.Should().Be(prediction);
        DiffusersScheduler.FromJson(scheduler.ToJson()).Should().Be(scheduler);
    }

    [Theory]
    [InlineData("-Infinity", double.NegativeInfinity)]
    [InlineData("Infinity", double.PositiveInfinity)]
    [InlineData("NaN", double.NaN)]
    [InlineData("-5.1", -5.1)]
    public void Numbers_that_JSON_does_not_have_are_read_and_written_as_Python_does(string text, double value)
    {
        DiffusersScheduler scheduler = DiffusersScheduler.FromJson(
            $"{{\"_class_name\": \"DPMSolverMultistepScheduler\", \"lambda_min_clipped\": {text}}}");
        scheduler["lambda_min_clipped"].Should().Be(value);
        scheduler.ToJson().Should().Contain($"\"lambda_min_clipped\": {text},");
    }

    [Fact]
    public void A_word_of_another_solver_is_replaced_as_diffusers_replaces_it()
    {
        DiffusersScheduler.FromJson("""{"_class_name": "UniPCMultistepScheduler", "solver_type": "midpoint"}""")["solver_type"]
            .Should().Be("bh2");
        DiffusersScheduler dpm = DiffusersScheduler.FromJson(
            """{"_class_name": "DPMSolverMultistepScheduler", "solver_type": "heun", "algorithm_type": "deis"}""");
        dpm["algorithm_type"].Should().Be("dpmsolver++");
        (dpm with { ClassName = "DEISMultistepScheduler" })["solver_type"].Should().Be("logrho");
    }

    private static object?[] Values(DiffusersScheduler scheduler, params string[] settings) =>
        [.. settings.Select(setting => scheduler[setting])];

    private DiffusersScheduler Load()
    {
        using DiffusersModel model = DiffusersFolder.Load(folder.Path);
        return model.Scheduler!;
    }
}
