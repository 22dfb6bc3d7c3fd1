using Diffusion.Core.Tests.Networks;
using Diffusion.TestKit;
using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Core.Tests.Weights.Diffusers;

/// <summary>Schedulers whose network is preconditioned, or has a label other than the timestep.</summary>
public sealed class PreconditionedSchedulerTests : IDisposable
{
    private readonly HandmadeFolder folder = new();
    private readonly TemporaryFolder temporary = new();

    public void Dispose()
    {
        folder.Dispose();
        temporary.Dispose();
    }

    // c_skip * x + c_out * F of diffusers' EDMEulerScheduler, and its timestep ln(sigma) / 4.
    [Theory]
    [InlineData("""{"_class_name": "EDMEulerScheduler"}""", 0.5, 1)]
    [InlineData("""{"_class_name": "EDMEulerScheduler", "sigma_data": 0.8, "prediction_type": "v_prediction"}""", 0.8, -1)]
    [InlineData("""{"_class_name": "EDMDPMSolverMultistepScheduler", "sigma_data": 1}""", 1, 1)]
    public void EDM_has_the_deviation_and_the_sign_of_its_file(string json, double data, double sign)
    {
        DiffusersScheduler scheduler = DiffusersScheduler.FromJson(json);
        DiffusersScheduler.FromJson(scheduler.ToJson()).Should().Be(scheduler);
        foreach (double sigma in (double[])[0.002, 1.3, 80])
        {
            Scalings scalings = scheduler.CreateParameterization().At(scheduler.Schedule.At(sigma));
            double total = Math.Sqrt((sigma * sigma) + (data * data));
            Near(scalings.Skip, data * data / (total * total));
            Near(scalings.Out, sign * sigma * data / total);
            Near(scalings.In, 1 / total);
            Near(scalings.Label, Math.Log(sigma) / 4);
        }
    }

    [Theory]
    [InlineData("CosineDPMSolverMultistepScheduler")]
    [InlineData("CMStochasticIterativeScheduler")]
    public void A_class_with_another_prediction_is_refused_for_the_model_of_a_file(string other)
    {
        DiffusersScheduler edm = DiffusersScheduler.FromJson("""{"_class_name": "EDMEulerScheduler"}""");

        DiffusersScheduler exchanged = edm with { ClassName = other };

        exchanged.Problems().Should().ContainSingle().Which.Should().Contain(other).And.Contain("EDMEulerScheduler");
        exchanged.Invoking(one => one.CreateParameterization()).Should().Throw<ArgumentException>();
        exchanged.Invoking(one => one.ToJson()).Should().Throw<ArgumentException>();
        (edm with { ClassName = "EDMDPMSolverMultistepScheduler" }).Problems().Should().BeEmpty();
        (exchanged with { ClassName = "EDMEulerScheduler" }).Problems().Should().BeEmpty();
    }

    [Theory]
    [InlineData(0.002)]
    [InlineData(0.02)]
    [InlineData(0.3)]
    public void A_consistency_model_is_a_copy_of_its_input_at_the_least_sigma(double minSigma)
    {
        Scalings scalings = new ConsistencyParameterization(dataDeviation: 0.5, minSigma).At(new NoiseLevel(1, minSigma, minSigma));

        scalings.IsSolvable.Should().BeTrue();
        Near(scalings.Skip, 1);
        scalings.Out.Should().BeApproximately(0, 1e-9);
        scalings.NoiseSkip.Should().BeApproximately(0, 1e-9);
    }

    [Fact]
    public void The_cosine_scheduler_has_an_angle_as_its_label_and_the_opposite_sign()
    {
        DiffusersScheduler scheduler = DiffusersScheduler.FromJson("""{"_class_name": "CosineDPMSolverMultistepScheduler"}""");
        DiffusersScheduler.FromJson(scheduler.ToJson()).Should().Be(scheduler);
        (scheduler.Schedule.FirstTime, scheduler.Schedule.LastTime).Should().Be((0.3, 500.0));
        Scalings scalings = scheduler.CreateParameterization().At(scheduler.Schedule.At(2));
        Near(scalings.Skip, 1 / 5.0);
        Near(scalings.Out, -2 / Math.Sqrt(5));
        Near(scalings.In, 1 / Math.Sqrt(5));
        Near(scalings.Label, Math.Atan(2) / Math.PI * 2);
    }

    // get_scalings_for_boundary_condition and sigma_to_t of diffusers' CMStochasticIterativeScheduler.
    [Fact]
    public void A_consistency_model_returns_the_image_itself_at_the_least_sigma()
    {
        DiffusersScheduler scheduler = DiffusersScheduler.FromJson(
            """{"_class_name": "CMStochasticIterativeScheduler", "sigma_min": 0.01, "sigma_data": 0.4}""");
        DiffusersScheduler.FromJson(scheduler.ToJson()).Should().Be(scheduler);
        IParameterization parameterization = scheduler.CreateParameterization();
        foreach (double sigma in (double[])[0.0100001, 0.7, 80])
        {
            Scalings scalings = parameterization.At(scheduler.Schedule.At(sigma));
            double above = sigma - 0.01;
            Near(scalings.Skip, 0.16 / ((above * above) + 0.16));
            Near(scalings.Out, above * 0.4 / Math.Sqrt((sigma * sigma) + 0.16));
            Near(scalings.In, 1 / Math.Sqrt((sigma * sigma) + 0.16));
            Near(scalings.Label, 1000 * 0.25 * Math.Log(sigma));
        }

        parameterization.At(scheduler.Schedule.At(0.01)).IsSolvable.Should().BeTrue();
    }

    // alphas and timesteps of diffusers' IPNDMScheduler: atan2(sigma, alpha) * 2 / pi.
    [Fact]
    public void Iterative_PNDM_has_angles_as_times_and_predicts_the_velocity()
    {
        DiffusersScheduler scheduler = DiffusersScheduler.FromJson("""{"_class_name": "IPNDMScheduler"}""");
        DiffusersScheduler.FromJson(scheduler.ToJson()).Should().Be(scheduler);
        scheduler.CreateParameterization().Should().BeSameAs(Parameterization.Velocity);
        INoiseSchedule schedule = scheduler.Schedule;
        NoiseLevel level = schedule.WithHalfLogSnr(Math.Log(0.6 / 0.8));
        Near(level.Alpha, 0.6);
        Near(level.Sigma, 0.8);
        Near(level.Label, Math.Atan2(0.8, 0.6) / Math.PI * 2);
        NoiseLevel same = schedule.At(level.Time);
        Near(same.Alpha, 0.6);
        Near(same.Sigma, 0.8);
        schedule.At(1).Should().Be(new NoiseLevel(0, 1, 1));
        schedule.At(0).Should().Be(new NoiseLevel(1, 0, 0));
        schedule.TimeOf(double.NegativeInfinity).Should().Be(1);
        schedule.TimeOf(double.PositiveInfinity).Should().Be(0);
    }

    [Fact]
    public void A_pipeline_of_consistency_models_is_read_and_written()
    {
        folder.Set(HandmadeFolder.Index, "_class_name", "\"ConsistencyModelPipeline\"");
        folder.Set(HandmadeFolder.Index, "scheduler", """["diffusers", "CMStochasticIterativeScheduler"]""");
        folder.Write(HandmadeFolder.Scheduler, """{"_class_name": "CMStochasticIterativeScheduler", "num_train_timesteps": 40}""");
        using DiffusersModel model = DiffusersFolder.Load(folder.Path);
        model.CreateDenoiser().Parameterization.Description.Should().Be("consistency(sigma-data: 0.5, sigma-min: 0.002)");
        string saved = Path.Combine(temporary.Path, "saved");
        DiffusersFolder.Save(saved, model.UNet, model.Scheduler!);
        File.ReadAllText(Path.Combine(saved, "model_index.json")).Should().Contain("\"ConsistencyModelPipeline\"");
        using DiffusersModel back = DiffusersFolder.Load(saved);
        back.Scheduler.Should().Be(model.Scheduler);
    }

    [Fact]
    public void A_denoiser_with_another_deviation_is_written_and_read_again()
    {
        string saved = Path.Combine(temporary.Path, "saved");
        using UNet2D unet = new(TinyUNet.Options);
        Denoiser denoiser = new(unet, new EdmSchedule(), Parameterization.Edm(0.8));
        DiffusersFolder.Save(saved, denoiser, notes: null, overwrite: false);
        using DiffusersModel back = DiffusersFolder.Load(saved);
        back.Scheduler!["sigma_data"].Should().Be(0.8);
        using DisposeScope scope = NewDisposeScope();
        Tensor noisy = rand(1, 2, 8, 8);
        NoiseLevel level = denoiser.Schedule.At(3);
        back.CreateDenoiser().Denoise(noisy, level).Clean.SameBits(denoiser.Denoise(noisy, level).Clean).Should().BeTrue();
    }

    private static void Near(double actual, double expected) =>
        actual.Should().BeApproximately(expected, 1e-9 * Math.Max(1e-3, Math.Abs(expected)));
}
