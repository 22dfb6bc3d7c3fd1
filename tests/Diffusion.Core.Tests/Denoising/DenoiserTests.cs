using Diffusion.TestKit;
using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Core.Tests.Denoising;

public sealed class DenoiserTests
{
    private static readonly DiscreteSchedule Schedule = NoiseSchedule.Linear();

    public static TheoryData<PredictionType, int> EveryPredictionAtEveryEnd { get; } =
        new MatrixTheoryData<PredictionType, int>(Enum.GetValues<PredictionType>(), [0, 1, 500, 998, 999]);

    [Theory]
    [MemberData(nameof(EveryPredictionAtEveryEnd))]
    public void A_network_that_answers_with_the_target_denoises_exactly(PredictionType prediction, int timestep)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor clean = linspace(-1, 1, 24, ScalarType.Float64).reshape(2, 3, 2, 2);
        Tensor noise = linspace(2, -1.5, 24, ScalarType.Float64).reshape(2, 3, 2, 2);
        Tensor timesteps = tensor((long[])[timestep, timestep]);
        Tensor? target = null;
        using ScriptedModel model = new((_, labels, _) =>
        {
            labels.SameBits(timesteps).Should().Be(prediction != PredictionType.Edm, "the network is told the timestep, but by EDM");
            return target!.clone();
        });
        Denoiser denoiser = new(model, Schedule, Parameterization.Of(prediction));
        target = denoiser.Target(clean, noise, timesteps);
        Tensor noisy = denoiser.AddNoise(clean, noise, timesteps);

        using Estimate denoised = denoiser.Denoise(noisy, Schedule[timestep]);
        denoised.Clean.MaxDifference(clean).Should().BeLessThan(1e-12);
        denoised.Noise.MaxDifference(noise).Should().BeLessThan(1e-12);
    }

    [Fact]
    public void Targets_are_the_noise_the_clean_image_or_the_velocity()
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor clean = full([2, 1, 1, 1], 0.5);
        Tensor noise = full([2, 1, 1, 1], -2.0);
        Tensor timesteps = tensor((long[])[0, 999]);
        using ScriptedModel model = new((noisy, _, _) => zeros_like(noisy));

        Target(PredictionType.Epsilon).Should().Equal(-2, -2);
        Target(PredictionType.Sample).Should().Equal(0.5, 0.5);

        // alpha * noise - sigma * clean, with the linear schedule's golden alphas and sigma[0] = sqrt(1e-4).
        double[] velocity = Target(PredictionType.Velocity);
        velocity[0].Should().BeApproximately((0.9999499987499375 * -2) - (0.01 * 0.5), 1e-6);
        velocity[1].Should().BeApproximately((0.006352818087570022 * -2) - (0.9999798206 * 0.5), 1e-6);

        double[] Target(PredictionType prediction)
        {
            using Tensor target = new Denoiser(model, Schedule, Parameterization.Of(prediction)).Target(clean, noise, timesteps);
            return Array.ConvertAll(target.to(ScalarType.Float64).data<double>().ToArray(), x => x);
        }
    }

    [Fact]
    public void Targets_are_checked_whatever_the_prediction()
    {
        using DisposeScope scope = NewDisposeScope();
        using ScriptedModel model = new((noisy, _, _) => zeros_like(noisy));
        Tensor clean = zeros(1, 1, 2, 2);
        Tensor doubles = zeros([1, 1, 2, 2], ScalarType.Float64);
        foreach (PredictionType prediction in Enum.GetValues<PredictionType>())
        {
            Denoiser denoiser = new(model, Schedule, Parameterization.Of(prediction));
            ((Action)(() => denoiser.Target(clean, doubles, tensor((long[])[3])))).Should().Throw<ArgumentException>()
                .WithMessage("*one shape, dtype and device*");
            ((Action)(() => denoiser.Target(clean, clean, tensor((long[])[1000])))).Should().Throw<ArgumentException>()
                .WithMessage("Timestep 1000*");
        }
    }

    [Fact]
    public void A_network_in_bfloat16_denoises_images_in_float32()
    {
        using DisposeScope scope = NewDisposeScope();
        using ScriptedModel model = new((noisy, _, _) =>
        {
            noisy.dtype.Should().Be(ScalarType.BFloat16);
            return noisy / 4;
        });
        model.Network.to(ScalarType.BFloat16);
        Tensor noisy = full([1, 1, 2, 2], 0.1f);
        Estimate denoised = new Denoiser(model, Schedule).Denoise(noisy, new NoiseLevel(0.6, 0.8, 500));

        float answer = noisy.to(ScalarType.BFloat16).to(ScalarType.Float32)[0, 0, 0, 0].item<float>() / 4;
        denoised.Noise.dtype.Should().Be(ScalarType.Float32);
        denoised.Noise.MaxDifference(full([1, 1, 2, 2], answer)).Should().Be(0);
        denoised.Clean.MaxDifference(full([1, 1, 2, 2], (0.1f - (0.8f * answer)) / 0.6f)).Should().BeLessThan(1e-6);
    }

    [Fact]
    public void A_network_in_evaluation_mode_is_left_alone()
    {
        using TorchSharp.Modules.Dropout part = nn.Dropout(0.5);
        using TorchSharp.Modules.Sequential network = nn.Sequential(part);
        network.eval();
        part.train();
        using ScriptedModel model = new((noisy, _, _) => zeros_like(noisy), network);
        using Tensor noisy = zeros(1, 1, 2, 2);
        using Estimate _ = new Denoiser(model, Schedule).Denoise(noisy, Schedule[5]);
        part.training.Should().BeTrue("switching modes would not be safe while another thread runs the network");
    }

    [Fact]
    public void The_callers_tensors_outlive_a_disposed_target()
    {
        using Tensor clean = zeros(1, 1, 2, 2);
        using Tensor noise = ones(1, 1, 2, 2);
        using Tensor timesteps = tensor((long[])[3]);
        using ScriptedModel model = new((noisy, _, _) => zeros_like(noisy));
        foreach (PredictionType prediction in Enum.GetValues<PredictionType>())
        {
            Denoiser denoiser = new(model, Schedule, Parameterization.Of(prediction));
            denoiser.Target(clean, noise, timesteps).Dispose();
            denoiser.Predict(clean, timesteps, null).Dispose();
            denoiser.Denoise(clean, Schedule[3]).Dispose();
            (clean.IsInvalid || noise.IsInvalid || timesteps.IsInvalid).Should().BeFalse();
        }
    }

    [Fact]
    public void A_level_between_two_timesteps_is_told_as_a_fraction()
    {
        double told = 0;
        using ScriptedModel model = new((noisy, labels, _) =>
        {
            labels.dtype.Should().Be(ScalarType.Float32);
            labels.shape.Should().Equal(2);
            told = labels.data<float>()[1];
            return zeros_like(noisy);
        });
        using Tensor noisy = zeros(2, 1, 2, 2);
        using Estimate _ = new Denoiser(model, Schedule).Denoise(noisy, new NoiseLevel(0.6, 0.8, 41.5));
        told.Should().Be(41.5);
    }

    [Fact]
    public void Predicting_passes_timesteps_and_conditioning_on_and_lets_gradients_flow()
    {
        using Tensor classes = tensor((long[])[4]);
        Conditioning conditioning = new() { ClassLabels = classes };
        using Tensor weight = tensor(3.0f, requires_grad: true);
        using ScriptedModel model = new((noisy, labels, c) =>
        {
            c.Should().BeSameAs(conditioning);
            labels.data<long>().ToArray().Should().Equal(999);
            return noisy * weight;
        });
        using Tensor noisy = ones(1, 1, 2, 2);
        using Tensor timesteps = tensor((long[])[999]);
        using Tensor prediction = new Denoiser(model, Schedule).Predict(noisy, timesteps, conditioning);
        using Tensor sum = prediction.sum();
        sum.backward();
        using Tensor gradient = weight.grad!;
        gradient.item<float>().Should().Be(4);
    }

    [Theory]
    [InlineData(-1)]
    [InlineData(1000)]
    public void Predicting_refuses_timesteps_outside_the_schedule(long timestep)
    {
        using ScriptedModel model = new((noisy, _, _) => zeros_like(noisy));
        using Tensor noisy = zeros(1, 1, 2, 2);
        using Tensor timesteps = tensor((long[])[timestep]);
        ((Action)(() => new Denoiser(model, Schedule).Predict(noisy, timesteps, null)))
            .Should().Throw<ArgumentException>().WithMessage($"Timestep {timestep} is outside*");
    }

    [Fact]
    public void Predicting_refuses_float_timesteps()
    {
        using ScriptedModel model = new((noisy, _, _) => zeros_like(noisy));
        using Tensor noisy = zeros(1, 1, 2, 2);
        using Tensor timesteps = tensor((float[])[0.5f]);
        ((Action)(() => new Denoiser(model, Schedule).Predict(noisy, timesteps, null)))
            .Should().Throw<ArgumentException>().WithMessage("Timesteps are Float32*int64*");
    }

    [Fact]
    public void What_is_no_batch_of_images_is_refused()
    {
        using ScriptedModel model = new((noisy, _, _) => zeros_like(noisy));
        Denoiser denoiser = new(model, Schedule);
        using Tensor flat = zeros(3, 4);
        using Tensor bytes = zeros([1, 3, 4, 4], ScalarType.Byte);
        using Tensor timesteps = zeros([3], ScalarType.Int64);
        foreach (Tensor images in (Tensor[])[flat, bytes])
        {
            ((Action)(() => denoiser.Denoise(images, Schedule[5]))).Should().Throw<ArgumentException>()
                .WithMessage("*floating point [B, C, H, W]*");
            ((Action)(() => denoiser.Predict(images, timesteps, null))).Should().Throw<ArgumentException>()
                .WithMessage("*floating point [B, C, H, W]*");
        }
    }

    [Fact]
    public void An_answer_of_another_shape_is_refused_instead_of_broadcast()
    {
        using ScriptedModel model = new((noisy, _, _) => noisy.narrow(1, 0, 1));
        Denoiser denoiser = new(model, Schedule);
        using Tensor noisy = zeros(2, 3, 4, 4);
        using Tensor timesteps = zeros([2], ScalarType.Int64);
        LiveTensors.GrowthOver(2, () =>
        {
            ((Action)(() => denoiser.Denoise(noisy, Schedule[5])))
                .Should().Throw<InvalidOperationException>().WithMessage("*[2, 1, 4, 4]*[2, 3, 4, 4]*");
            ((Action)(() => denoiser.Predict(noisy, timesteps, null))).Should().Throw<InvalidOperationException>();
        }).Should().Be(0);
    }

    [Fact]
    public void Levels_without_an_answer_are_refused_with_the_remedy()
    {
        using ScriptedModel model = new((noisy, _, _) => zeros_like(noisy));
        using Tensor noisy = zeros(1, 1, 2, 2);
        ((Action)(() => new Denoiser(model, Schedule).Denoise(noisy, new NoiseLevel(0, 1, 999))))
            .Should().Throw<ArgumentException>().WithMessage("*alpha is 0*Use velocity or sample*");
        ((Action)(() => new Denoiser(model, Schedule, Parameterization.Sample).Denoise(noisy, NoiseLevel.Clean)))
            .Should().Throw<ArgumentException>().WithMessage("*sigma is 0*");
        using Estimate _ = new Denoiser(model, Schedule, Parameterization.Velocity).Denoise(noisy, new NoiseLevel(0, 1, 999));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_denoiser_samples_without_dropout_and_gradients(bool wasTraining)
    {
        using TorchSharp.Modules.Dropout dropout = nn.Dropout(0.5);
        dropout.train(wasTraining);
        using Tensor noisy = ones(1, 1, 8, 8, requires_grad: true);
        using ScriptedModel model = new((x, _, _) => dropout.call(x) * 1, dropout);
        Denoiser denoiser = new(model, Schedule, Parameterization.Sample);
        dropout.training.Should().BeFalse();

        using (Estimate denoised = denoiser.Denoise(noisy, Schedule[500]))
        {
            denoised.Clean.MaxDifference(noisy).Should().Be(0);
            denoised.Clean.requires_grad.Should().BeFalse();
            denoised.Noise.requires_grad.Should().BeFalse();
        }

        is_grad_enabled().Should().BeTrue();
    }

    [Fact]
    public void A_network_that_was_put_into_training_mode_is_not_sampled_and_stays_in_it()
    {
        using ScriptedModel model = new((noisy, _, _) => zeros_like(noisy));
        Denoiser denoiser = new(model, Schedule);
        model.Network.train();
        using Tensor noisy = zeros(1, 1, 2, 2);
        denoiser.Invoking(d => d.Denoise(noisy, Schedule[5])).Should().Throw<InvalidOperationException>()
            .WithMessage("*training mode*Network.eval()*");
        model.Network.training.Should().BeTrue();
    }

    [Fact]
    public void A_disposed_network_is_named()
    {
        ScriptedModel scripted = new((noisy, _, _) => zeros_like(noisy));
        UNet2D unet = new(Networks.TinyUNet.Options with { InChannels = 1, OutChannels = 1 });
        foreach (IDiffusionModel model in (IDiffusionModel[])[scripted, unet])
        {
            Denoiser denoiser = new(model, Schedule);
            using Tensor noisy = zeros(1, 1, 8, 8);
            using Tensor timesteps = tensor((long[])[3]);
            model.Dispose();
            foreach (Action call in (Action[])
                [() => denoiser.Denoise(noisy, Schedule[5]), () => denoiser.Predict(noisy, timesteps, null), () => _ = denoiser.Device])
            {
                call.Should().Throw<ObjectDisposedException>().Which.ObjectName.Should().Be(model.GetType().Name);
            }
        }
    }

    [Fact]
    public void A_network_that_throws_leaves_no_tensor_behind()
    {
        using ScriptedModel model = new((noisy, _, _) =>
        {
            Tensor half = noisy / 2;
            throw new NotSupportedException($"{half.numel()}");
        });
        Denoiser denoiser = new(model, Schedule);
        using Tensor noisy = zeros(1, 1, 2, 2);
        LiveTensors.GrowthOver(3, () => ((Action)(() => denoiser.Denoise(noisy, Schedule[5]))).Should().Throw<NotSupportedException>())
            .Should().Be(0);
        is_grad_enabled().Should().BeTrue();
    }

    [Fact]
    public void EDM_s_network_is_not_asked_in_pure_noise_nor_at_a_clean_image_where_its_label_is_infinite()
    {
        using ScriptedModel model = new((_, _, _) => throw new InvalidOperationException("asked"));
        Denoiser denoiser = new(model, Schedule, Parameterization.Edm(0.8));
        using Tensor noisy = zeros(1, 1, 2, 2);
        denoiser.Invoking(d => d.Denoise(noisy, new NoiseLevel(0, 1, 999))).Should().Throw<ArgumentException>()
            .WithMessage("The noise level's alpha is 0, but must be above 0 for a network that predicts edm(sigma-data: 0.8): its input*");
        denoiser.Invoking(d => d.Denoise(noisy, NoiseLevel.Clean)).Should().Throw<ArgumentException>()
            .WithMessage("The noise level's sigma is 0, but must be above 0 for a network that predicts edm(sigma-data: 0.8)*");
        Parameterization.Edm().At(new NoiseLevel(0, 1, 999)).IsSolvable.Should().BeFalse();
        Parameterization.Edm().At(Schedule[999]).IsSolvable.Should().BeTrue();
        Parameterization.Velocity.At(new NoiseLevel(0, 1, 999)).IsSolvable.Should().BeTrue();
    }

    [Fact]
    public void Denoising_leaves_nothing_behind()
    {
        using ScriptedModel model = new((noisy, _, _) => zeros_like(noisy));
        using Tensor noisy = zeros(1, 1, 2, 2);
        foreach (PredictionType prediction in Enum.GetValues<PredictionType>())
        {
            Denoiser denoiser = new(model, Schedule, Parameterization.Of(prediction));
            LiveTensors.GrowthOver(5, () => denoiser.Denoise(noisy, Schedule[5]).Dispose()).Should().Be(0);
        }
    }

    [Fact]
    public void The_device_is_the_networks_or_the_CPU_for_a_network_without_parameters()
    {
        using ScriptedModel model = new((noisy, _, _) => zeros_like(noisy));
        using ScriptedModel empty = new((noisy, _, _) => zeros_like(noisy), nn.Identity());
        new Denoiser(model, Schedule).Device.type.Should().Be(DeviceType.CPU);
        new Denoiser(empty, Schedule).Device.type.Should().Be(DeviceType.CPU);
    }

    [Fact]
    public void A_network_that_answers_in_twice_the_channels_answers_its_variance_in_the_second_half()
    {
        using DisposeScope scope = NewDisposeScope();
        using ScriptedModel model = new((noisy, _, _) => cat([noisy * 0.5, noisy + 3], 1));
        Denoiser denoiser = new(model, Schedule, Parameterization.Sample);
        Tensor noisy = linspace(-1, 1, 24).reshape(2, 3, 2, 2);

        using Estimate estimate = denoiser.Denoise(noisy, Schedule[500]);
        estimate.Clean.MaxDifference(noisy * 0.5).Should().Be(0);
        estimate.Variance!.MaxDifference(noisy + 3).Should().Be(0);
        ((Action)(() => denoiser.Predict(noisy, [Schedule[1], Schedule[2]], null))).Should()
            .Throw<InvalidOperationException>("a loss compares as many channels as the image has");
    }

    [Fact]
    public void An_unknown_prediction_type_is_refused()
    {
        using ScriptedModel model = new((noisy, _, _) => zeros_like(noisy));
        ((Func<Denoiser>)(() => new Denoiser(model, Schedule, Parameterization.Of((PredictionType)9))))
            .Should().Throw<ArgumentOutOfRangeException>().WithMessage("*Epsilon, Sample, Velocity, Flow or Edm*");
    }
}
