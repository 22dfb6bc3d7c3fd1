using Diffusion.TestKit;
using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Core.Tests.Networks;

public sealed class UNet2DTests
{
    private static readonly (string Name, Func<UNet2DOptions, UNet2DOptions>[] Choices)[] Axes =
    [
        ("time", [o => o, o => o with { TimeEmbeddingType = TimeEmbeddingType.Fourier },
            o => o with { TimeEmbeddingType = TimeEmbeddingType.Learned, NumTrainTimesteps = 901 }]),
        ("shift", [o => o, o => o with { ResnetTimeScaleShift = TimeScaleShift.ScaleShift }]),
        ("down", [.. Enum.GetValues<DownBlockType>()
            .Select(t => (Func<UNet2DOptions, UNet2DOptions>)(o => Wide(o) with { DownBlockTypes = [t, t] }))]),
        ("up", [.. Enum.GetValues<UpBlockType>()
            .Select(t => (Func<UNet2DOptions, UNet2DOptions>)(o => Wide(o) with { UpBlockTypes = [t, t] }))]),
        ("samplers", [o => o, o => o with { DownsampleType = ResamplingType.Resnet, UpsampleType = ResamplingType.Resnet }]),
        ("padding", [o => o, o => o with { DownsamplePadding = 0 }]),
        ("activation", [.. Enum.GetValues<Activation>().Select(a => (Func<UNet2DOptions, UNet2DOptions>)(o => o with { ActFn = a }))]),
        ("classes",
        [
            o => o,
            o => o with { NumClassEmbeds = 3 },
            o => o with { ClassEmbedType = ClassEmbedType.Timestep },
            o => o with { ClassEmbedType = ClassEmbedType.Identity },
        ]),
        ("middle",
            [o => o, o => o with { HasMidBlock = false }, o => o with { AddAttention = false }, o => o with { AttnNormNumGroups = 2 }]),
        ("heads",
            [o => o, o =>
                o with { AttentionHeadDim = null }, o => o with { AttentionHeadDim = 3 }, o => o with { AttentionLegacyOrder = true }]),
        ("other", [o => o, o => o with { Dropout = 0.5, CenterInputSample = true, MidBlockScaleFactor = 2, TimeEmbeddingDim = 5 }]),
    ];

    public static TheoryData<int> Combinations => [.. Enumerable.Range(0, 24)];

    [Fact]
    public void The_combinations_take_every_choice_of_every_option()
    {
        for (int axis = 0; axis < Axes.Length; axis++)
        {
            Enumerable.Range(0, 24).Select(combination => ChoiceOf(combination, axis)).Distinct().Should()
                .HaveCount(Axes[axis].Choices.Length, Axes[axis].Name);
        }
    }

    [Theory]
    [MemberData(nameof(Combinations))]
    public void Every_combination_of_options_keeps_the_shape_and_gives_every_weight_a_gradient(int combination)
    {
        UNet2DOptions options = TinyUNet.Options;
        for (int axis = 0; axis < Axes.Length; axis++)
        {
            options = Axes[axis].Choices[ChoiceOf(combination, axis)](options);
        }

        using UNet2D unet = new(options);
        using DisposeScope scope = NewDisposeScope();
        Tensor x = Images(3, options).requires_grad_();
        Tensor before = x.detach().clone();
        Tensor labels = tensor((long[])[1, 2, 900]);

        Tensor answer = unet.Predict(x, labels, ConditioningFor(options, 3));
        answer.shape.Should().Equal(3, 3, 8, 8);
        answer.is_contiguous().Should().BeTrue();
        (answer * answer).sum().backward();

        x.equal(before).all().item<bool>().Should().BeTrue();
        labels.data<long>().Should().Equal(1, 2, 900);
        foreach ((string name, TorchSharp.Modules.Parameter parameter) in unet.named_parameters())
        {
            if (parameter.requires_grad)
            {
                parameter.grad.Should().NotBeNull(name);
                parameter.grad!.isfinite().all().item<bool>().Should().BeTrue(name);
            }
            else
            {
                name.Should().Be("time_proj.weight");
            }
        }
    }

    [Fact]
    public void The_same_seed_gives_the_same_weights_and_another_seed_others()
    {
        using UNet2D first = new(TinyUNet.Options, seed: 3);
        _ = rand(5);
        using UNet2D same = new(TinyUNet.Options, seed: 3);
        using UNet2D other = new(TinyUNet.Options, seed: 4);
        Bytes(same).Should().Equal(Bytes(first));
        Bytes(other).Should().NotEqual(Bytes(first));
        first.NamedTensors().Should().OnlyContain(t => t.Value.isfinite().all().item<bool>());
    }

    [Fact]
    public void A_network_built_inside_a_dispose_scope_outlives_it()
    {
        UNet2D unet;
        using (NewDisposeScope())
        {
            unet = new UNet2D(TinyUNet.Options with { TimeEmbeddingType = TimeEmbeddingType.Fourier });
        }

        using (unet)
        {
            using Tensor answer = unet.Predict(Images(1, unet.Options), ones(1), Conditioning.None);
            answer.shape.Should().Equal(1, 2, 8, 8);
        }
    }

    [Fact]
    public void Training_steps_and_sampling_leave_no_tensors_behind()
    {
        using UNet2D unet = new(TinyUNet.Options);
        Step(unet);
        long before = LiveTensors.Settle();
        Step(unet);
        Step(unet);
        LiveTensors.OfProcess.Should().BeLessThanOrEqualTo(before);

        static void Step(UNet2D unet)
        {
            using DisposeScope scope = NewDisposeScope();
            unet.zero_grad();
            unet.Predict(Images(2, unet.Options), zeros(2, int64), Conditioning.None).sum().backward();
            using (no_grad())
            {
                unet.Predict(Images(2, unet.Options), zeros(2, int64), Conditioning.None);
            }
        }
    }

    [Fact]
    public void The_answer_is_all_that_lands_in_the_callers_scope()
    {
        using UNet2D unet = new(TinyUNet.Options);
        using DisposeScope scope = NewDisposeScope();
        Tensor x = Images(1, unet.Options);
        Tensor labels = zeros(1, int64);
        int before = scope.DisposablesCount;
        unet.Predict(x, labels, Conditioning.None);
        scope.DisposablesCount.Should().Be(before + 1);
    }

    [Theory]
    [InlineData(ScalarType.Float64)]
    [InlineData(ScalarType.BFloat16)]
    public void It_runs_in_other_dtypes_and_its_twin_has_the_same(ScalarType dtype)
    {
        using UNet2D unet = new(TinyUNet.Options with { TimeEmbeddingType = TimeEmbeddingType.Fourier, NumClassEmbeds = 3 });
        unet.to(dtype);
        using IDiffusionModel twin = unet.CreateTwin();
        foreach (IDiffusionModel model in (IDiffusionModel[])[unet, twin])
        {
            using DisposeScope scope = NewDisposeScope();
            model.Network.parameters().Should().OnlyContain(p => p.dtype == dtype);
            Tensor answer = model.Predict(Images(2, unet.Options).to(dtype), tensor((long[])[1, 5]), ConditioningFor(unet.Options, 2));
            answer.dtype.Should().Be(dtype);
            answer.isfinite().all().item<bool>().Should().BeTrue();
            model.Network.named_parameters().Single(p => p.name == "time_proj.weight").parameter.requires_grad.Should().BeFalse();
        }
    }

    [Fact]
    public void A_twin_describes_itself_the_same_and_shares_no_weights()
    {
        using UNet2D unet = new(TinyUNet.Options, seed: 9);
        using IDiffusionModel twin = unet.CreateTwin();
        twin.Description.Should().Be(unet.Description);
        twin.SampleShape.Should().Be(new ImageShape(2, 8, 8));
        byte[] before = Bytes(unet);
        using (no_grad())
        {
            foreach (TorchSharp.Modules.Parameter parameter in twin.Network.parameters())
            {
                parameter.zero_();
            }
        }

        Bytes(unet).Should().Equal(before);
    }

    [Fact]
    public void Dropout_draws_from_the_held_generator_in_training_only()
    {
        using UNet2D unet = new(TinyUNet.Options with { Dropout = 0.5 });
        using DisposeScope scope = NewDisposeScope();
        Tensor x = Images(2, unet.Options);
        Run(1).Should().Equal(Run(1)).And.NotEqual(Run(2));
        unet.eval();
        Run(1).Should().Equal(Run(2));

        float[] Run(long seed)
        {
            using Lock.Scope generator = GlobalGenerator.Hold(seed);
            return [.. unet.Predict(x, zeros(2, int64), Conditioning.None).data<float>()];
        }
    }

    [Fact]
    public void What_does_not_fit_is_refused_with_what_would()
    {
        using UNet2D plain = new(TinyUNet.Options);
        using UNet2D classes = new(TinyUNet.Options with { NumClassEmbeds = 3 });
        using UNet2D numbers = new(TinyUNet.Options with { ClassEmbedType = ClassEmbedType.Timestep });
        using UNet2D learned = new(TinyUNet.Options with { TimeEmbeddingType = TimeEmbeddingType.Learned, NumTrainTimesteps = 50 });
        using UNet2D embeddings = new(TinyUNet.Options with { ClassEmbedType = ClassEmbedType.Identity });
        using DisposeScope scope = NewDisposeScope();
        Tensor x = zeros(2, 2, 8, 8);
        Tensor t = zeros(2, int64);

        Refused(plain, zeros(2, 3, 8, 8), t, null, "*have 3 channels, but the network takes 2*");
        Refused(plain, zeros(2, 2, 8, 9), t, null, "*divide by 2*halves them 1 times*");
        Refused(plain, zeros(2, 8, 8), t, null, "*must be floating point [B, C, H, W]*");
        Refused(plain, x.to(float64), t, null, "*Images are Float64, but the network's weights Float32*");
        Refused(plain, zeros(0, 2, 8, 8), t, null, "*[0, 2, 8, 8] have no pixels*");
        Refused(plain, zeros(2, 2, 0, 8), t, null, "*[2, 2, 0, 8] have no pixels*");
        Refused(plain, zeros([2, 2, 8, 8], device: new Device(DeviceType.META)), t, null, "*on meta*weights on cpu*Move one*");
        Refused(plain, x, zeros(1, int64), null, "*Noise-level labels are Int64 [1], but must be numbers [2]*");
        Refused(plain, x, zeros([], int64), null, "*must be numbers [2]*");
        Refused(plain, x, t, t, "*unconditional, but got class labels*");
        Refused(classes, x, t, null, "*got no class labels*");
        Refused(classes, x, t, zeros(2), "*Class labels are Float32 [2], but must be int64 [2]*");
        Refused(classes, x, t, zeros(3, int64), "*must be int64 [2]*");
        Refused(classes, x, t, tensor((long[])[0, 3]), "*Class label 3 is outside [0, 2]*");
        Refused(classes, x, t, tensor((long[])[-1, 0]), "*Class label -1 is outside*");
        Refused(numbers, x, t, zeros(2, 1), "*must be numbers [2]*");
        Refused(embeddings, x, t, zeros(2, 4), "*numbers [2, 16]*");
        Refused(learned, x, tensor((long[])[0, 50]), null, "*Noise-level labels have 50*from 0 to 49*");
        Refused(learned, x, tensor((float[])[0.5f, 0]), null, "*have 0.5*whole numbers*");
        Refused(embeddings, x, t, zeros(2, 16, @bool), "*Bool [2, 16]*numbers [2, 16]*");

        static void Refused(UNet2D unet, Tensor x, Tensor t, Tensor? y, string message)
        {
            Action predict = () => unet.Predict(x, t, new Conditioning { ClassLabels = y });
            predict.Should().Throw<ArgumentException>().WithMessage(message);
        }
    }

    [Fact]
    public void Class_embeddings_may_be_integers()
    {
        using UNet2D unet = new(TinyUNet.Options with { ClassEmbedType = ClassEmbedType.Identity });
        using DisposeScope scope = NewDisposeScope();
        Tensor x = Images(2, unet.Options);
        Tensor whole = unet.Predict(x, zeros(2, int64), new Conditioning { ClassLabels = ones(2, 16, int64) });
        Tensor real = unet.Predict(x, zeros(2, int64), new Conditioning { ClassLabels = ones(2, 16) });
        whole.equal(real).all().item<bool>().Should().BeTrue();
    }

    [Fact]
    public void It_says_what_does_not_suit_the_images_or_the_schedule()
    {
        DiscreteSchedule schedule = NoiseSchedule.Cosine();
        using UNet2D fits = new(TinyUNet.Options);
        fits.Problems(new ImageShape(2, 8, 12), schedule).Should().BeEmpty();
        using UNet2D withVariance = new(TinyUNet.Options with { OutChannels = 4 });
        withVariance.Problems(new ImageShape(2, 8, 8), schedule).Should().BeEmpty("the second half is a variance");

        using UNet2D unet = new(TinyUNet.Options with { OutChannels = 5, TimeEmbeddingType = TimeEmbeddingType.Fourier });
        unet.Problems(new ImageShape(3, 7, 8), schedule).Should().SatisfyRespectively(
            p => p.Should().Contain("3 channels, but the network takes 2"),
            p => p.Should().Contain("outputs 5 channels, but takes 2"),
            p => p.Should().Contain("7 x 8").And.Contain("to 8 x 8"),
            p => p.Should().Contain("Fourier").And.Contain("is 0"));

        using UNet2D learned = new(TinyUNet.Options with { TimeEmbeddingType = TimeEmbeddingType.Learned, NumTrainTimesteps = 50 });
        learned.Problems(new ImageShape(2, 8, 8), schedule).Should().ContainSingle().Which.Should()
            .Contain("50 vectors").And.Contain("label 50");
        using UNet2D whole = new(learned.Options with { NumTrainTimesteps = 1000 });
        whole.Problems(new ImageShape(2, 8, 8), schedule).Should().BeEmpty();

        using UNet2D embedded = new(TinyUNet.Options with { ClassEmbedType = ClassEmbedType.Identity, NumClassEmbeds = 3 });
        embedded.ClassCount.Should().BeNull("it takes embeddings, not class numbers");
        embedded.Problems(new ImageShape(2, 8, 8), schedule).Should().ContainSingle().Which.Should().Contain("Identity class embeddings");
    }

    // Blocks named Skip need three channels and groups of 32.
    private static UNet2DOptions Wide(UNet2DOptions options) =>
        options with { InChannels = 3, OutChannels = 3, BlockOutChannels = [32, 32] };

    private static int ChoiceOf(int combination, int axis) =>
        (int)(new SeedStream(axis).Uniform(RandomPurpose.Drawing, combination) * Axes[axis].Choices.Length);

    private static Tensor Images(int count, UNet2DOptions options)
    {
        using Generator generator = new(11);
        return randn([count, options.InChannels, 8, 8], generator: generator);
    }

    private static Conditioning ConditioningFor(UNet2DOptions options, int count) => (options.ClassEmbedType, options.NumClassEmbeds) switch
    {
        (ClassEmbedType.Identity, _) => new() { ClassLabels = ones(count, options.TimeEmbeddingDim ?? (4 * options.BlockOutChannels[0])) },
        (ClassEmbedType.Timestep, _) => new() { ClassLabels = ones(count, int64) },
        (null, not null) => new() { ClassLabels = zeros(count, int64) },
        _ => Conditioning.None,
    };

    private static byte[] Bytes(UNet2D unet) => [.. unet.NamedTensors().SelectMany(t => t.Value.bytes.ToArray())];

    [Fact]
    public void Building_leaves_no_tensors_but_the_weights_and_a_scope_around_it_does_not_free_them()
    {
        using DisposeScope scope = NewDisposeScope();
        using UNet2D network = new(UNet2DOptions.ForImages(16, 3, UNet2DSize.Medium,
            classes: 4) with { TimeEmbeddingType = TimeEmbeddingType.Fourier });

        scope.DisposablesCount.Should().Be(0);
        scope.DisposeEverything();
        network.parameters().Should().OnlyContain(weights => !weights.IsInvalid);
    }
}
