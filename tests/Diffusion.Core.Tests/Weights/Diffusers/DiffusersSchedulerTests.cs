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
        scheduler.Should().Be(new DiffusersScheduler { Schedule = scheduler.Schedule });
        scheduler.Should().BeEquivalentTo(new
        {
            Kind = DiffusersSchedulerKind.Ddpm,
            Prediction = PredictionType.Epsilon,
            VarianceType = DiffusersVariance.FixedSmall,
            ClipSample = true,
            ClipSampleRange = 1.0,
            Thresholding = false,
            DynamicThresholdingRatio = 0.995,
            SampleMaxValue = 1.0,
            TimestepSpacing = DiffusersSpacing.Leading,
            StepsOffset = 0,
            SetAlphaToOne = true,
        });
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
        scheduler.Should().Be(new DiffusersScheduler
        {
            Kind = DiffusersSchedulerKind.Ddim,
            Schedule = scheduler.Schedule,
            Prediction = PredictionType.Velocity,
            VarianceType = DiffusersVariance.FixedLarge,
            ClipSample = false,
            ClipSampleRange = 2,
            Thresholding = true,
            DynamicThresholdingRatio = 0.9,
            SampleMaxValue = 3,
            TimestepSpacing = DiffusersSpacing.Trailing,
            StepsOffset = 1,
            SetAlphaToOne = false,
        });
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
        DiscreteSchedule schedule = Load().Schedule;
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
        DiscreteSchedule one = Load().Schedule;
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
        Load().Kind.Should().Be(DiffusersSchedulerKind.Ddim);
    }

    [Fact]
    public void A_configuration_without_a_class_is_of_the_class_that_the_index_names()
    {
        folder.Set(HandmadeFolder.Scheduler, "_class_name", null);
        folder.Set(HandmadeFolder.Index, "scheduler", """["diffusers", "DDIMScheduler"]""");
        Load().Kind.Should().Be(DiffusersSchedulerKind.Ddim);
    }

    [Fact]
    public void Keys_of_old_files_are_understood()
    {
        folder.Set(HandmadeFolder.Scheduler, "timestep_values", "null");
        folder.Set(HandmadeFolder.Scheduler, "tensor_format", "\"pt\"");
        folder.Set(HandmadeFolder.Scheduler, "predict_epsilon", "true");
        folder.Set(HandmadeFolder.Scheduler, "variance_type", "\"fixed_small_log\"");
        Load().VarianceType.Should().Be(DiffusersVariance.FixedSmall);
    }

    [Fact]
    public void Settings_without_a_meaning_are_problems()
    {
        DiffusersScheduler good = new() { Schedule = NoiseSchedule.Linear() };
        good.Problems().Should().BeEmpty();
        (good with { Kind = (DiffusersSchedulerKind)9 }).Problems().Should().ContainSingle().Which.Should().Contain("Kind 9");
        (good with { ClipSampleRange = double.NaN, StepsOffset = -1 }).Problems().Should().HaveCount(2);
        (good with { ClipSample = false, ClipSampleRange = -1 }).Problems().Should().BeEmpty("it is not clipped");
    }

    private DiffusersScheduler Load()
    {
        using DiffusersModel model = DiffusersFolder.Load(folder.Path);
        return model.Scheduler!;
    }
}
