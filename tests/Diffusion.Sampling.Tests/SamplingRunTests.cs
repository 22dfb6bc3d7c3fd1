using Diffusion.TestKit;
using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Sampling.Tests;

public sealed class SamplingRunTests
{
    public static TheoryData<ISampler> Samplers { get; } = new()
    {
        new DdimSampler { Steps = 6 },
        new DdimSampler { Steps = 6, Eta = 1 },
        new DdpmSampler { Steps = 6, Clipping = SampleClipping.DynamicThreshold() },
    };

    [Theory]
    [MemberData(nameof(Samplers))]
    public void The_same_seed_gives_the_same_images_whatever_the_batch_size(ISampler sampler)
    {
        Denoiser denoiser = SamplerCase.Oracle(NoiseSchedule.Cosine());
        using IDiffusionModel model = denoiser.Model;
        SampleRequest request = new() { Count = 7, Seed = 5 };
        using Tensor whole = sampler.Make(denoiser, request);
        foreach (int batchSize in (int[])[1, 3, 7, 100])
        {
            using Tensor split = sampler.Make(denoiser, request with { BatchSize = batchSize });
            split.SameBits(whole).Should().BeTrue("the oracle treats each pixel alone, and the noise is each image's own");
        }

        using Tensor other = sampler.Make(denoiser, request with { Seed = 6 });
        other.MaxDifference(whole).Should().BeGreaterThan(0.5);
    }

    [Fact]
    public void The_list_of_a_samplers_problems_is_required()
    {
        Denoiser denoiser = SamplerCase.Oracle(NoiseSchedule.Cosine());
        using IDiffusionModel model = denoiser.Model;
        ((Func<SamplingRun>)(() => new SamplingRun(denoiser, new SampleRequest { Count = 1 }, null!, null))).Should()
            .Throw<ArgumentNullException>();
    }

    [Theory]
    [MemberData(nameof(Samplers))]
    public void One_image_of_a_seed_can_be_made_again_alone(ISampler sampler)
    {
        Denoiser denoiser = SamplerCase.Oracle(NoiseSchedule.Cosine());
        using IDiffusionModel model = denoiser.Model;
        using Tensor all = sampler.Make(denoiser, count: 9, seed: 5);
        using Tensor seventh = all[6..7];
        using Tensor alone = sampler.Make(denoiser, new SampleRequest { Count = 1, Seed = 5, FirstIndex = 6 });
        alone.SameBits(seventh).Should().BeTrue();
    }

    [Theory]
    [MemberData(nameof(Samplers))]
    public void Images_are_float32_on_the_CPU_within_range_and_the_callers(ISampler sampler)
    {
        Denoiser denoiser = GaussianOracle.Create(NoiseSchedule.Linear(), PredictionType.Epsilon, 0.5, 1, ImageShape.Square(8));
        using IDiffusionModel model = denoiser.Model;
        Tensor images;
        using (DisposeScope scope = NewDisposeScope())
        {
            images = sampler.Make(denoiser, count: 3).MoveToOuterDisposeScope();
        }

        using (images)
        {
            images.shape.Should().Equal(3, 3, 8, 8);
            images.dtype.Should().Be(ScalarType.Float32);
            images.device_type.Should().Be(DeviceType.CPU);
            images.requires_grad.Should().BeFalse();
            images.abs().max().item<float>().Should().BeLessThanOrEqualTo(1);
        }
    }

    [Fact]
    public void Sampling_starts_from_the_standard_normal_noise_of_each_image()
    {
        Tensor? seen = null;
        using ScriptedModel model = new((noisy, _, _) =>
        {
            seen ??= noisy.clone().DetachFromDisposeScope();
            return zeros_like(noisy);
        }) { SampleShape = SamplerCase.Shape };
        SampleRequest request = new() { Count = 2, Seed = 8, FirstIndex = 40 };
        new DdimSampler { Steps = 1 }.Make(new Denoiser(model, NoiseSchedule.ScaledLinear(), Parameterization.Sample), request).Dispose();

        using Tensor expected = NormalNoise.Draw(new SeedStream(8), RandomPurpose.InitialNoise, [40, 41], SamplerCase.Shape);
        seen!.SameBits(expected).Should().BeTrue();
        seen!.Dispose();
    }

    [Fact]
    public void Class_labels_reach_the_network_image_by_image()
    {
        List<long[]> told = [];
        using ScriptedModel model = new((noisy, _, conditioning) =>
        {
            told.Add(conditioning.ClassLabels!.data<long>().ToArray());
            return zeros_like(noisy);
        }) { SampleShape = SamplerCase.Shape, ClassCount = 10 };
        Denoiser denoiser = new(model, NoiseSchedule.Cosine());
        SampleRequest request = new() { Count = 3, BatchSize = 2, ClassLabels = [4, 0, 9] };

        new DdimSampler { Steps = 1 }.Make(denoiser, request).Dispose();
        told.Should().BeEquivalentTo((long[][])[[4, 0], [9]], o => o.WithStrictOrdering());

        told.Clear();
        new DdimSampler { Steps = 1 }.Make(denoiser, count: 3, classLabels: [7]).Dispose();
        told.Should().BeEquivalentTo((long[][])[[7, 7, 7]]);
    }

    [Fact]
    public void Progress_is_told_once_per_step_of_every_batch()
    {
        Recorder progress = new();
        Denoiser denoiser = SamplerCase.Oracle(NoiseSchedule.Cosine());
        using IDiffusionModel model = denoiser.Model;
        new DdimSampler { Steps = 2 }.Make(denoiser, new SampleRequest { Count = 5, BatchSize = 4 }, progress).Dispose();

        progress.Told.Select(p => (p.ImagesDone, p.ImageCount, p.Step, p.StepCount)).Should()
            .Equal((0, 5, 1, 2), (4, 5, 2, 2), (4, 5, 1, 2), (5, 5, 2, 2));
        progress.Told.Select(p => p.Fraction).Should().Equal(0.4, 0.8, 0.9, 1);
        progress.Told.Select(p => p.Elapsed).Should().BeInAscendingOrder();
    }

    [Theory]
    [MemberData(nameof(Samplers))]
    public void Cancellation_between_steps_ends_it_and_frees_everything(ISampler sampler)
    {
        Denoiser denoiser = SamplerCase.Oracle(NoiseSchedule.Cosine());
        using IDiffusionModel model = denoiser.Model;
        LiveTensors.GrowthOver(3, () =>
        {
            using CancellationTokenSource source = new();
            Recorder progress = new() { Then = p => { if (p.Step == 3) { source.Cancel(); } } };
            ((Action)(() => sampler.Sample(denoiser, count: 2, progress: progress, cancellationToken: source.Token)))
                .Should().Throw<OperationCanceledException>();
            progress.Told.Should().HaveCount(3);
        }).Should().Be(0);
    }

    [Fact]
    public void An_observer_that_throws_ends_it_with_its_own_exception_and_frees_everything()
    {
        Denoiser denoiser = SamplerCase.Oracle(NoiseSchedule.Cosine());
        using IDiffusionModel model = denoiser.Model;
        Recorder progress = new() { Then = _ => throw new NotSupportedException("no screen") };
        LiveTensors.GrowthOver(3, () =>
            ((Action)(() => new DdimSampler().Make(denoiser, count: 2, progress: progress))).Should().Throw<NotSupportedException>())
            .Should().Be(0);
    }

    [Fact]
    public void Numbers_that_are_not_finite_are_an_error_that_names_the_image()
    {
        using ScriptedModel model = new((noisy, _, _) =>
        {
            Tensor answer = zeros_like(noisy);
            answer[1, 0, 0, 0] = float.NaN;
            return answer;
        }) { SampleShape = SamplerCase.Shape };
        Denoiser denoiser = new(model, NoiseSchedule.Cosine());
        LiveTensors.GrowthOver(2, () =>
            ((Action)(() => new DdimSampler { Steps = 3 }.Make(denoiser, new SampleRequest { Count = 3, FirstIndex = 100 })))
                .Should().Throw<InvalidOperationException>().WithMessage("Image 101 holds NaN*1 of 3*")).Should().Be(0);
    }

    [Fact]
    public void An_adaptive_solver_names_the_network_too()
    {
        using ScriptedModel model = new((noisy, _, _) => full_like(noisy, double.NaN)) { SampleShape = SamplerCase.Shape };
        Denoiser denoiser = new(model, NoiseSchedule.Cosine());
        ((Action)(() => new DpmSolverAdaptive { MaxRatio = 30 }.Make(denoiser, new SampleRequest { Count = 1 })))
            .Should().Throw<InvalidOperationException>().WithMessage("The estimates at half log-SNR*hold NaN*the network returned them*");
    }

    [Theory]
    [MemberData(nameof(Samplers))]
    public void Sampling_again_and_again_leaves_no_tensor_behind(ISampler sampler)
    {
        Denoiser denoiser = SamplerCase.Oracle(NoiseSchedule.Cosine());
        using IDiffusionModel model = denoiser.Model;
        SampleRequest request = new() { Count = 3, BatchSize = 2 };
        LiveTensors.GrowthOver(70, () => sampler.Make(denoiser, request).Dispose()).Should().Be(0);
    }

    [Theory]
    [MemberData(nameof(Samplers))]
    public void A_batch_is_freed_before_the_next_begins_and_a_step_before_the_next(ISampler sampler)
    {
        List<long> alive = [];
        Recorder progress = new() { Then = _ => alive.Add(LiveTensors.Count) };
        Denoiser denoiser = SamplerCase.Oracle(NoiseSchedule.Cosine());
        using IDiffusionModel model = denoiser.Model;
        sampler.Make(denoiser, new SampleRequest { Count = 4, BatchSize = 1 }, progress).Dispose();

        // The last step has no noise to add, so it is compared with the last steps of the other batches.
        long[][] steps = [.. alive.Chunk(6)];
        steps.Should().HaveCount(4).And.OnlyContain(batch => batch.SequenceEqual(steps[0]));
        steps[0][..5].Should().OnlyContain(count => count == steps[0][0]);
    }

    [Fact]
    public void Sampling_never_changes_the_mode_of_a_network_and_refuses_one_that_is_in_training()
    {
        Denoiser denoiser = SamplerCase.Oracle(NoiseSchedule.Cosine());
        using IDiffusionModel model = denoiser.Model;
        DdimSampler sampler = new() { Steps = 2 };
        model.Network.training.Should().BeFalse("a denoiser puts its network into evaluation mode");
        sampler.Make(denoiser, count: 1).Dispose();
        model.Network.training.Should().BeFalse();

        model.Network.train();
        FluentActions.Invoking(() => sampler.Make(denoiser, count: 1)).Should().Throw<InvalidOperationException>()
            .WithMessage("*training mode*Network.eval()*");
        model.Network.training.Should().BeTrue();
    }

    private sealed class Recorder : IProgress<SamplingProgress>
    {
        public List<SamplingProgress> Told { get; } = [];

        public Action<SamplingProgress>? Then { get; init; }

        public void Report(SamplingProgress value)
        {
            Told.Add(value);
            Then?.Invoke(value);
        }
    }
}
