using Diffusion.TestKit;
using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Sampling.Tests;

/// <summary>Image to image, inversion, and parts of images that are filled in.</summary>
public sealed class StartImagesTests
{
    private static readonly DiscreteSchedule Schedule = NoiseSchedule.ScaledLinear();

    public static TheoryData<StepSampler> Samplers { get; } =
    [
        new DdimSampler(), new DpmSolver { Order = 3 }, new DpmSolver { Eta = 1 }, new UniPcSampler { Order = 3 }, new SaSolver(),
        new HeunSampler(), new DpmSolverSinglestep { Order = 3 }, new LmsSampler(), new PndmSampler { Warmup = PndmWarmup.ImprovedEuler },
        new ConsistencySampler { Grid = new TimestepGrid() },
    ];

    [Fact]
    public void A_strength_takes_the_last_steps_and_starts_from_the_images_with_noise()
    {
        using Tensor image = full([1, 3, 4, 4], 0.5f);
        List<(NoiseLevel Level, Tensor Noisy)> asked = [];
        using Recorder recorder = new(asked, Schedule);
        SampleRequest request = SamplerCase.Request with { StartImages = image };
        DdimSampler sampler = new() { Steps = 10, Grid = new StrengthGrid(new TimestepGrid(), 0.35) };
        using Tensor images = sampler.Sample(recorder, request, null, TestContext.Current.CancellationToken);
        asked.Select(call => call.Level.Time).Should().Equal(299, 199, 99);

        using DisposeScope scope = NewDisposeScope();
        Tensor noise = NormalNoise.Draw(new SeedStream(request.Seed), RandomPurpose.InitialNoise, [0, 1], SamplerCase.Shape);
        Tensor expected = (Schedule[299].Alpha * image) + (Schedule[299].Sigma * noise);
        asked[0].Noisy.MaxDifference(expected).Should().BeLessThan(1e-6);
    }

    // The label of each step is that of the noisier end, also in the last step, whose end is pure noise.
    [Fact]
    public void Ddim_inversion_reaches_pure_noise_with_its_label()
    {
        using Tensor image = full([1, 3, 4, 4], 0.5f);
        FlowSchedule flow = new();
        ReversedGrid up = new(new TimeGrid { EndTime = 0.01, IncludesEndTime = true });
        Labels(new DdimInversionSampler { Steps = 4, Grid = up }).Should().Equal(up.Levels(flow, 4).Skip(1).Select(level => level.Label));
        Labels(new DpmSolver { Steps = 4, Grid = up }).Should().Equal(up.Levels(flow, 4).SkipLast(1).Select(level => level.Label));

        double[] Labels(StepSampler sampler)
        {
            List<(NoiseLevel Level, Tensor Noisy)> asked = [];
            using Recorder recorder = new(asked, flow);
            using Tensor noise = sampler.Sample(
                recorder, SamplerCase.Request with { StartImages = image }, null, TestContext.Current.CancellationToken);
            return [.. asked.Select(call => call.Level.Label)];
        }
    }

    [Fact]
    public void At_strength_1_a_grid_that_begins_at_the_images_keeps_them()
    {
        using MixtureDenoiser denoiser = new(Schedule);
        using Tensor images = linspace(-1, 1, 96).reshape(2, 3, 4, 4);
        SampleRequest request = SamplerCase.Request with { Shape = SamplerCase.Shape, StartImages = images };
        ISamplingGrid up = new ReversedGrid(new TimestepGrid());
        ISamplingGrid half = new StrengthGrid(new TimestepGrid(), 0.5);

        Same(new DdimInversionSampler { Steps = 8, Grid = up }, new DdimInversionSampler { Steps = 8, Grid = new StrengthGrid(up, 1) });
        Same(new DdimSampler { Steps = 8, Grid = half }, new DdimSampler { Steps = 8, Grid = new StrengthGrid(half, 1) });
        ISamplingGrid distilled = new DistilledGrid { Strength = 0.5 };
        Same(new TcdSampler { Steps = 4, Grid = distilled }, new TcdSampler { Steps = 4, Grid = new StrengthGrid(distilled, 1) });

        void Same(StepSampler inner, StepSampler whole)
        {
            using Tensor expected = inner.Sample(denoiser, request, null, TestContext.Current.CancellationToken);
            using Tensor actual = whole.Sample(denoiser, request, null, TestContext.Current.CancellationToken);
            actual.SameBits(expected).Should().BeTrue();
        }
    }

    [Fact]
    public void Only_Ddim_takes_the_step_that_a_grid_keeps_at_timestep_0()
    {
        TimestepGrid grid = new(TimestepSpacing.Leading) { EndsClean = false, KeepsStepAtZero = true };
        using MixtureDenoiser denoiser = new(Schedule);
        SampleRequest request = SamplerCase.Request with { Shape = SamplerCase.Shape };

        Calls(new DdimSampler { Steps = 20, Grid = grid }).Should().Be(20);
        Calls(new LmsSampler { Steps = 20, Grid = grid }).Should().Be(19);
        Calls(new DpmSolver { Order = 3, Steps = 20, Grid = grid }).Should().Be(19);

        int Calls(StepSampler sampler)
        {
            List<SamplingProgress> reports = [];
            using Tensor images = sampler.Sample(denoiser, request, new Collected(reports), TestContext.Current.CancellationToken);
            images.isfinite().all().item<bool>().Should().BeTrue();
            return reports[^1].StepCount;
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void At_strength_1_image_to_image_is_sampling_and_at_0_it_returns_the_images(bool isEdm)
    {
        INoiseSchedule schedule = isEdm ? new EdmSchedule() : Schedule;
        ISamplingGrid whole = isEdm ? new KarrasGrid() : new TimestepGrid(TimestepSpacing.Leading);
        using MixtureDenoiser denoiser = new(schedule);
        using Tensor images = linspace(-1.5, 1.5, 96).reshape(2, 3, 4, 4);
        SampleRequest plain = SamplerCase.Request with { Shape = SamplerCase.Shape, BatchSize = 1 };
        SampleRequest request = plain with { StartImages = images };
        DpmSolver sampler = new() { Steps = 8 };
        CancellationToken token = TestContext.Current.CancellationToken;

        using Tensor sampled = (sampler with { Grid = whole }).Sample(denoiser, plain, null, token);
        using Tensor all = (sampler with { Grid = new StrengthGrid(whole, 1) }).Sample(denoiser, request, null, token);
        all.SameBits(sampled).Should().BeTrue("nothing of the images is kept");
        using Tensor part = (sampler with { Grid = new StrengthGrid(whole, 0.99) }).Sample(denoiser, request, null, token);
        part.SameBits(sampled).Should().BeFalse();

        int calls = denoiser.Calls;
        StepSampler none = sampler with { Grid = new StrengthGrid(whole, 0) };
        List<SamplingProgress> reports = [];
        using Tensor kept = none.Sample(denoiser, request, new Collected(reports), token);
        kept.SameBits(images).Should().BeTrue("no step is taken, and nothing is clipped");
        denoiser.Calls.Should().Be(calls);
        reports.Select(report => (report.ImagesDone, report.Step, report.StepCount, report.Fraction)).Should()
            .Equal((1, 0, 0, 0.5), (2, 0, 0, 1.0));
        using DisposeScope scope = NewDisposeScope();
        none.Film(denoiser, request, null, token).Should().ContainSingle().Which.SameBits(images).Should().BeTrue();
        none.Invoking(one => one.Sample(denoiser, plain, null, token)).Should().Throw<ArgumentException>()
            .WithMessage("The grid has no steps*StartImages is not set*");
    }

    [Fact]
    public async Task A_stream_at_strength_0_yields_the_images()
    {
        using MixtureDenoiser denoiser = new(Schedule);
        using Tensor images = linspace(-1.5, 1.5, 96).reshape(2, 3, 4, 4);
        SampleRequest request = SamplerCase.Request with { Shape = SamplerCase.Shape, StartImages = images, BatchSize = 1 };
        DdimSampler sampler = new() { Steps = 8, Grid = new StrengthGrid(new TimestepGrid(), 0) };
        List<double> fractions = [];
        await foreach (SampledImages batch in sampler.SampleAsync(denoiser, request, previewEverySteps: 1,
            cancellationToken: TestContext.Current.CancellationToken))
        {
            using SampledImages owned = batch;
            using Tensor same = images.narrow(0, batch.First, 1);
            batch.Images.SameBits(same).Should().BeTrue();
            fractions.Add(batch.Progress.Fraction);
        }

        fractions.Should().Equal(0.5, 1);
    }

    [Fact]
    public void Inversion_gives_the_noise_from_which_the_images_come_again()
    {
        Denoiser denoiser = SamplerCase.Oracle(Schedule);
        using IDiffusionModel model = denoiser.Model;
        using Tensor image = linspace(-0.8, 0.8, 96).reshape(2, 3, 4, 4);
        TimestepGrid grid = new();
        DdimInversionSampler inversion = new() { Steps = 200, Grid = new ReversedGrid(grid), Clipping = SampleClipping.None };
        using Tensor noise = inversion.Make(denoiser, SamplerCase.Request with { StartImages = image });
        noise.MaxDifference(image).Should().BeGreaterThan(0.5);

        using DisposeScope scope = NewDisposeScope();
        DdimSampler back = new() { Steps = 200, Grid = grid, Clipping = SampleClipping.None };
        Tensor again = back.Make(denoiser, SamplerCase.Request with { StartNoise = noise });
        again.MaxDifference(image).Should().BeLessThan(0.05, "labels shifted by a step cost a first-order error");
    }

    [Fact]
    public void Images_of_another_shape_are_refused()
    {
        Denoiser denoiser = SamplerCase.Oracle(Schedule);
        using IDiffusionModel model = denoiser.Model;
        using Tensor image = zeros(1, 3, 5, 4);
        Action sample = () => new DdimSampler().Make(denoiser, SamplerCase.Request with { StartImages = image });
        sample.Should().Throw<ArgumentException>().WithMessage("StartImages is Float32 [1, 3, 5, 4], but*[1 or 2, 3, 4, 4]*");
    }

    [Theory]
    [MemberData(nameof(Samplers))]
    public void The_known_part_is_exact_with_every_sampler(StepSampler sampler)
    {
        Denoiser denoiser = SamplerCase.Oracle(Schedule);
        using IDiffusionModel model = denoiser.Model;
        using Tensor known = linspace(-0.9, 0.9, 48).reshape(1, 3, 4, 4);
        using Tensor mask = tensor(new float[] { 1, 1, 0, 0 }).reshape(1, 1, 1, 4);
        InpaintingDenoiser inpainting = new(denoiser, known, mask);
        using Tensor images = (sampler with { Steps = 12 }).Sample(inpainting, SamplerCase.Request, null,
            TestContext.Current.CancellationToken);
        using DisposeScope scope = NewDisposeScope();
        images.narrow(3, 0, 2).MaxDifference(known.narrow(3, 0, 2).expand(2, 3, 4, 2)).Should().BeLessThan(1e-5);
        images.narrow(3, 2, 2).MaxDifference(known.narrow(3, 2, 2).expand(2, 3, 4, 2)).Should().BeGreaterThan(0.1);
    }

    [Fact]
    public void Resampling_puts_the_known_part_back_and_jumps_as_the_paper_does()
    {
        Denoiser denoiser = SamplerCase.Oracle(Schedule);
        using IDiffusionModel model = denoiser.Model;
        using Tensor known = linspace(-0.9, 0.9, 48).reshape(1, 3, 4, 4);
        using Tensor mask = tensor(new float[] { 1, 1, 0, 0 }).reshape(1, 1, 1, 4);
        ResamplingSampler sampler = new()
        {
            Inner = new DdimSampler { Eta = 1, Steps = 8 }, Known = known, Mask = mask, JumpLength = 2, Resamples = 3,
        };
        string moves = string.Concat(sampler.Moves(8).Select(isDown => isDown ? 'd' : 'u'));
        moves.Should().Be("ddddu" + "uddu" + "udd" + "dduudduudd" + "dduudduudd");
        using Tensor images = sampler.Make(denoiser, SamplerCase.Request);
        using Tensor again = sampler.Make(denoiser, SamplerCase.Request with { BatchSize = 1 });
        using DisposeScope scope = NewDisposeScope();
        images.narrow(3, 0, 2).MaxDifference(known.narrow(3, 0, 2).expand(2, 3, 4, 2)).Should().BeLessThan(1e-6);
        images.MaxDifference(again).Should().BeLessThan(1e-5, "a batch changes no image");
        ((Action)(() => (sampler with { JumpLength = 0 }).Make(denoiser, SamplerCase.Request))).Should().Throw<ArgumentException>()
            .WithMessage("JumpLength is 0*");
        ((Action)(() => (sampler with { JumpLength = 8 }).Make(denoiser, SamplerCase.Request))).Should().Throw<ArgumentException>()
            .WithMessage("JumpLength is 8, but the grid has 8 steps*");
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Dynamic_thresholding_leaves_the_known_part_as_it_is(bool isObserved)
    {
        using ScriptedModel model = new((noisy, _, _) => noisy.Times(0.1).Plus(3)) { SampleShape = SamplerCase.Shape };
        using Tensor known = linspace(-0.9, 0.9, 48).reshape(1, 3, 4, 4);
        using Tensor mask = tensor(new float[] { 1, 1, 0, 0 }).reshape(1, 1, 1, 4);
        IDenoiser inpainting = new InpaintingDenoiser(new Denoiser(model, Schedule, Parameterization.Sample), known, mask);
        DdimSampler sampler = new() { Steps = 4, Clipping = SampleClipping.DynamicThreshold() };
        using Tensor images = sampler.Sample(
            isObserved ? new ObservedDenoiser(inpainting, (_, _) => { }) : inpainting, SamplerCase.Request, null,
            TestContext.Current.CancellationToken);
        using DisposeScope scope = NewDisposeScope();
        images.narrow(3, 0, 2).MaxDifference(known.narrow(3, 0, 2).expand(2, 3, 4, 2)).Should().BeLessThan(1e-6);
        images.abs().max().item<float>().Should().BeLessThanOrEqualTo(1);
    }

    public static TheoryData<StepSampler> SamplersWithNoise =>
    [
        new DdpmSampler(), new DdimSampler { Eta = 1 }, new Dpm2Sampler { Eta = 1 }, new DpmSolver { Eta = 1 }, new DpmSolver2S { Eta = 1 },
        new DpmSolverSde(), new DpmSolverSinglestep { Eta = 1 }, new EulerAncestralSampler(), new PredictorCorrectorSampler(),
        new SaSolver(),
    ];

    [Theory]
    [MemberData(nameof(SamplersWithNoise))]
    public void A_path_with_noise_of_its_own_is_not_inverted(StepSampler sampler)
    {
        Denoiser denoiser = SamplerCase.Oracle(Schedule);
        using IDiffusionModel model = denoiser.Model;
        using Tensor image = zeros(1, 3, 4, 4);
        StepSampler up = sampler with { Steps = 8, Grid = new ReversedGrid(new TimestepGrid()) };
        ((Action)(() => up.Make(denoiser, SamplerCase.Request with { StartImages = image }))).Should().Throw<ArgumentException>()
            .WithMessage("The grid goes up to noise, but this sampler adds noise*");
    }

    [Fact]
    public void An_inversion_without_images_is_refused()
    {
        Denoiser denoiser = SamplerCase.Oracle(Schedule);
        using IDiffusionModel model = denoiser.Model;
        ((Action)(() => new DdimInversionSampler().Make(denoiser, SamplerCase.Request))).Should().Throw<ArgumentException>()
            .WithMessage("*StartImages is not set*");
    }

    [Fact]
    public void A_mask_of_another_shape_is_refused()
    {
        Denoiser denoiser = SamplerCase.Oracle(Schedule);
        using IDiffusionModel model = denoiser.Model;
        using Tensor known = zeros(1, 3, 4, 4);
        using Tensor mask = zeros(1, 1, 3, 4);
        ((Action)(() => _ = new InpaintingDenoiser(denoiser, known, mask))).Should().Throw<ArgumentException>()
            .WithMessage("The mask is [1, 1, 3, 4], but must broadcast*");
    }

    private sealed class Collected(List<SamplingProgress> reports) : IProgress<SamplingProgress>
    {
        public void Report(SamplingProgress value) => reports.Add(value);
    }

    private sealed class Recorder(List<(NoiseLevel Level, Tensor Noisy)> asked, INoiseSchedule schedule) : IDenoiser, IDisposable
    {
        private readonly ScriptedModel network = new((noisy, _, _) => noisy) { SampleShape = SamplerCase.Shape };

        private Denoiser? source;

        public Denoiser Source => source ??= new Denoiser(network, schedule);

        public Estimate Denoise(Tensor noisy, NoiseLevel level, Conditioning? conditioning = null)
        {
            asked.Add((level, noisy.clone().DetachFromDisposeScope()));
            return new Estimate(noisy.clone(), noisy.clone());
        }

        public void Dispose()
        {
            asked.ForEach(call => call.Noisy.Dispose());
            network.Dispose();
        }
    }
}
