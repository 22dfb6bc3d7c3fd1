using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Training.Tests;

/// <summary>The memory of training, estimated.</summary>
public sealed class MemoryEstimatorTests
{
    private const long Mebibyte = 1 << 20;

    private static readonly UNet2DOptions Plain = new()
    {
        BlockOutChannels = [32, 64],
        DownBlockTypes = [DownBlockType.DownBlock2D, DownBlockType.DownBlock2D],
        UpBlockTypes = [UpBlockType.UpBlock2D, UpBlockType.UpBlock2D],
        AddAttention = false,
        LayersPerBlock = 1,
    };

    public static TheoryData<UNet2DOptions> Networks =>
    [
        Plain,
        Plain with { InChannels = 1, OutChannels = 1, NumClassEmbeds = 10, Dropout = 0.1 },
        Plain with { TimeEmbeddingType = TimeEmbeddingType.Fourier, TimeEmbeddingDim = 48, ClassEmbedType = ClassEmbedType.Timestep },
        Plain with { ClassEmbedType = ClassEmbedType.Identity, HasMidBlock = false, LayersPerBlock = 2 },
        Plain with { AddAttention = true, AttentionHeadDim = 24, ResnetTimeScaleShift = TimeScaleShift.ScaleShift },
        Plain with { AddAttention = true, AttentionHeadDim = null, AttnNormNumGroups = 16,
            ResnetTimeScaleShift = TimeScaleShift.ScaleShift },
        Plain with
        {
            DownBlockTypes = [DownBlockType.ResnetDownsampleBlock2D, DownBlockType.AttnDownBlock2D],
            UpBlockTypes = [UpBlockType.AttnUpBlock2D, UpBlockType.ResnetUpsampleBlock2D],
            UpsampleType = ResamplingType.Resnet,
            LayersPerBlock = 3,
        },
        Plain with
        {
            DownBlockTypes = [DownBlockType.AttnDownBlock2D, DownBlockType.DownBlock2D],
            UpBlockTypes = [UpBlockType.UpBlock2D, UpBlockType.AttnUpBlock2D],
            DownsampleType = ResamplingType.Resnet,
            DownsamplePadding = 0,
        },
        Plain with
        {
            BlockOutChannels = [32, 64, 32],
            DownBlockTypes = [DownBlockType.AttnSkipDownBlock2D, DownBlockType.SkipDownBlock2D, DownBlockType.AttnSkipDownBlock2D],
            UpBlockTypes = [UpBlockType.SkipUpBlock2D, UpBlockType.AttnSkipUpBlock2D, UpBlockType.SkipUpBlock2D],
            TimeEmbeddingType = TimeEmbeddingType.Learned,
            NumTrainTimesteps = 77,
        },
        UNet2DOptions.ForImages(32, 3, UNet2DSize.Medium, classes: 5),
        UNet2DOptions.ForImages(64, 1, UNet2DSize.Medium),
    ];

    [Theory]
    [MemberData(nameof(Networks), DisableDiscoveryEnumeration = true)]
    public void Parameters_are_those_of_the_real_network(UNet2DOptions options)
    {
        using UNet2D network = new(options);
        FlatLayout layout = FlatLayout.Of(network);

        MemoryEstimate estimate = new MemoryEstimator(options, ImageShape.Square(64, options.InChannels)).Estimate(1);

        estimate.ParameterCount.Should().Be(network.NamedTensors().Sum(tensor => tensor.Value.numel()));
        estimate.Parameters.Should().Be(layout.Length * sizeof(float));
        estimate.Gradients.Should().Be(estimate.Parameters);
        estimate.Optimizer.Should().Be(2 * estimate.Parameters);
    }

    [Fact]
    public void Activations_grow_with_the_batch_and_with_the_pixels()
    {
        // Kernels of the upsampling are kept once, whatever the batch.
        long kernels = Kept(32, 1) - (Kept(32, 2) - Kept(32, 1));
        long perImage = Kept(32, 1) - kernels;

        kernels.Should().Be(41 * 64 * 64 * sizeof(float));
        Kept(32, 7).Should().Be(kernels + (7 * perImage));

        // Embeddings and the groups' statistics do not grow with the pixels.
        long pixels = Kept(64, 1) - Kept(32, 1);
        (Kept(128, 1) - Kept(64, 1)).Should().Be(4 * pixels);
        pixels.Should().BeGreaterThan(0);
    }

    [Fact]
    public void As_many_images_as_an_int_counts_are_counted_in_longs() =>
        new MemoryEstimator(Plain, ImageShape.Square(32, 3)).Estimate(int.MaxValue).Images.Should()
            .Be(5L * int.MaxValue * 3 * 32 * 32 * sizeof(float));

    // In bfloat16 a CPU keeps the weights of all pairs of up to 256 tokens; otherwise one logarithm per row is kept.
    [Theory]
    [InlineData(Precision.Float32, 32, DeviceType.CPU, 1)]
    [InlineData(Precision.BFloat16, 32, DeviceType.CPU, 256)]
    [InlineData(Precision.BFloat16, 64, DeviceType.CPU, 1)]
    [InlineData(Precision.BFloat16, 32, DeviceType.CUDA, 1)]
    public void Attention_keeps_five_tensors_of_the_size_of_its_images_a_copy_and_weights(
        Precision precision, int size, DeviceType device, int weightsPerRow)
    {
        UNet2DOptions attentive = Plain with { AddAttention = true, AttentionHeadDim = 32 };
        long tokens = size / 2 * (size / 2);
        long images = 64 * tokens;
        long statistics = 2 * 32;
        long weights = 2 * tokens * weightsPerRow;

        long more = Activations(attentive) - Activations(Plain);

        more.Should().Be(((6 * images) + statistics + weights) * (precision == Precision.BFloat16 ? 2 : sizeof(float)));

        long Activations(UNet2DOptions network) =>
            new MemoryEstimator(network, ImageShape.Square(size)) { Precision = precision, Device = device }.Estimate(1).Activations;
    }

    [Fact]
    public void A_GPU_keeps_doubled_images_instead_of_kernels_and_needs_no_copies_for_its_convolutions()
    {
        const int Batch = 4;
        MemoryEstimate cpu = On(DeviceType.CPU);
        MemoryEstimate gpu = On(DeviceType.CUDA);

        // Plain doubles once, 64 channels of 32 x 32 pixels.
        (gpu.Activations - cpu.Activations).Should().Be(((3 * 64 * 32 * 32 * Batch) - (41 * 64 * 64)) * sizeof(float));
        gpu.Transient.Should().BePositive().And.BeLessThan(cpu.Transient);
        (gpu.Parameters, gpu.Gradients, gpu.Optimizer, gpu.Averages, gpu.Images)
            .Should().Be((cpu.Parameters, cpu.Gradients, cpu.Optimizer, cpu.Averages, cpu.Images));

        static MemoryEstimate On(DeviceType device) =>
            new MemoryEstimator(Plain, ImageShape.Square(64)) { Device = device }.Estimate(Batch);
    }

    [Fact]
    public void What_an_NVIDIA_GPU_saves_is_copied_to_the_host()
    {
        TrainingOptions saving = new() { RunFolder = "run" };
        MemoryEstimator gpu = MemoryEstimator.For(Plain, ImageShape.Square(64), saving, device: DeviceType.CUDA);
        long budget = gpu.Estimate(8).Total / 2;

        gpu.Estimate(8).SavingCopy.Should().Be(0);
        gpu.Reductions(8, budget).Should().NotBeEmpty()
            .And.OnlyContain(way => !way.Change.Contains("no checkpoints", StringComparison.Ordinal)
                && way.Estimator.Device == DeviceType.CUDA);
        MemoryEstimator.For(Plain, ImageShape.Square(64), saving, device: DeviceType.MPS).Estimate(8).SavingCopy.Should().BePositive();
    }

    // Tiny images, so that a pass takes less than whole copies of the parameters.
    [Fact]
    public void What_an_update_needs_counts_if_it_is_more_than_a_pass_needs()
    {
        (Of(Optimizers.AdamW(), 2) < Parameters()).Should().BeTrue("it updates in place");
        Of(Optimizers.Lion(), 2).Should().Be(Parameters());
        Of(Optimizers.Prodigy(), 2).Should().Be(2 * Parameters());
        Of(Optimizers.ScheduleFreeAdamW(), 2).Should().Be(2 * Parameters());
        Of(Optimizers.ScheduleFreeAdamW(), 64).Should().Be(Of(Optimizers.AdamW(), 64), "a pass over large images takes more");

        static long Of(IOptimizerFactory optimizer, int size)
        {
            MemoryEstimate estimate = new MemoryEstimator(Plain, ImageShape.Square(size)) { Optimizer = optimizer }.Estimate(4);
            return estimate.Images + estimate.Activations + estimate.Transient;
        }

        static long Parameters() => new MemoryEstimator(Plain, ImageShape.Square(2)).Estimate(4).Parameters;
    }

    [Fact]
    public void The_total_is_the_sum_of_its_parts_and_activations_that_of_the_blocks()
    {
        MemoryEstimator two = new(Plain, ImageShape.Square(32)) { Averages = 2 };
        MemoryEstimate estimate = two.Estimate(4);

        estimate.Activations.Should().Be(estimate.Blocks.Sum(block => block.ActivationBytes));
        estimate.Averages.Should().Be(2 * estimate.Parameters);
        estimate.SavingCopy.Should().Be(5 * estimate.Parameters);
        estimate.Transient.Should().BePositive();
        estimate.Total.Should().Be((11 * estimate.Parameters) + estimate.Images + estimate.Activations + estimate.Transient);
        estimate.ToTable().Should().Contain("down 1").And.Contain("middle").And.Contain("total");
    }

    [Fact]
    public void A_trainers_options_say_how_many_averages_and_whether_it_saves()
    {
        TrainingOptions options = new() { RunFolder = "run", AdditionalEma = ["warmup", "constant"] };
        MemoryEstimator saving = MemoryEstimator.For(Plain, ImageShape.Square(32), options);
        MemoryEstimator bare = MemoryEstimator.For(Plain, ImageShape.Square(32), new TrainingOptions { Ema = "none" });

        saving.Averages.Should().Be(3);
        saving.CopiesForSaving.Should().BeTrue();
        bare.Averages.Should().Be(0);
        bare.CopiesForSaving.Should().BeFalse();
    }

    [Fact]
    public void With_gradient_checkpointing_only_what_crosses_and_what_comes_up_is_kept()
    {
        // Batch 2, 32 x 32 and 16 x 16 pixels, one layer each way: four tensors across, three of 64 channels and three of 32 that come up.
        MemoryEstimator again = new(Plain, ImageShape.Square(32)) { GradientCheckpointing = GradientCheckpointing.All };
        long fine = 2 * 32 * 32 * 32;
        long coarse = 2 * 64 * 16 * 16;
        long across = (2 * fine) + (fine / 4) + coarse;
        long middle = coarse;
        long up = (3 * coarse) + (4 * coarse) + fine;
        long upsampling = 41 * 64 * 64;
        long last = (3 * fine) + (2 * 2 * 32);
        long embeddings = 2 * (32 + (4 * 128));

        again.Estimate(2).Activations.Should().Be((across + middle + up + upsampling + last + embeddings) * sizeof(float));
        again.Estimate(2).Activations.Should().BeLessThan(Kept(32, 2) / 2);
        again.Estimate(2).Parameters.Should().Be(new MemoryEstimator(Plain, ImageShape.Square(32)).Estimate(2).Parameters);
    }

    [Theory]
    [MemberData(nameof(Networks), DisableDiscoveryEnumeration = true)]
    public void Gradient_checkpointing_saves_the_same_whether_it_is_on_or_off(UNet2DOptions options)
    {
        ImageShape images = ImageShape.Square(64, options.InChannels);
        MemoryEstimator off = MemoryEstimator.For(options, images, new TrainingOptions());
        TrainingOptions all = new() { GradientCheckpointing = GradientCheckpointing.All };
        MemoryEstimator on = MemoryEstimator.For(options, images, all);

        long saved = off.SavedByCheckpointing(4);

        saved.Should().Be(off.Estimate(4).Total - on.Estimate(4).Total).And.Be(on.SavedByCheckpointing(4));
        saved.Should().BeGreaterThan(off.Estimate(4).Activations / 4);
        on.Estimate(4).Activations.Should().Be(on.Estimate(4).Blocks.Sum(block => block.ActivationBytes));
    }

    [Theory]
    [MemberData(nameof(Networks), DisableDiscoveryEnumeration = true)]
    public void A_larger_budget_recomputes_fewer_blocks(UNet2DOptions options)
    {
        ImageShape images = ImageShape.Square(64, options.InChannels);
        MemoryEstimator none = new(options, images);
        long most = none.Estimate(4).Total;
        long least = most - none.SavedByCheckpointing(4);
        List<int> counts = [];
        foreach (double share in (double[])[0, 0.3, 0.6, 0.9, 1])
        {
            long budget = least + (long)(share * (most - least));
            MemoryEstimator fit = new(none) { GradientCheckpointing = GradientCheckpointing.Fit, MemoryBudgetBytes = budget };
            FittingLayers chosen = FittingLayers.Of(fit, 4);
            chosen.Estimate.Total.Should().BeLessThanOrEqualTo(budget).And.Be(fit.Estimate(4).Total);
            chosen.Estimate.Activations.Should().Be(chosen.Estimate.Blocks.Sum(block => block.ActivationBytes));
            fit.MaxMicroBatch(budget).Should().BeGreaterThanOrEqualTo(4);
            counts.Add(chosen.Layers.Count);
        }

        counts.Should().BeInDescendingOrder();
        counts[0].Should().BeGreaterThan(counts[2]);
        counts[2].Should().BeGreaterThan(0);
        counts[^1].Should().Be(0);
    }

    [Theory]
    [MemberData(nameof(Networks), DisableDiscoveryEnumeration = true)]
    public void Blocks_with_attention_keep_less_if_they_are_recomputed(UNet2DOptions options)
    {
        ImageShape images = ImageShape.Square(64, options.InChannels);
        MemoryEstimate none = Of(GradientCheckpointing.None);
        MemoryEstimate all = Of(GradientCheckpointing.All);
        MemoryEstimate attention = Of(GradientCheckpointing.Attention);
        using UNet2D unet = new(options);

        if (unet.CanRecompute(GradientCheckpointing.Attention))
        {
            attention.Activations.Should().BeInRange(all.Activations, none.Activations - 1);
        }
        else
        {
            attention.Total.Should().Be(none.Total);
        }

        MemoryEstimate Of(GradientCheckpointing blocks) =>
            new MemoryEstimator(options, images) { GradientCheckpointing = blocks }.Estimate(4);
    }

    [Theory]
    [MemberData(nameof(Networks), DisableDiscoveryEnumeration = true)]
    public void Layers_have_the_numbers_and_sizes_that_they_have_in_the_network(UNet2DOptions options)
    {
        ImageShape images = ImageShape.Square(32, options.InChannels);
        IReadOnlyList<TapeLayer> layers = new MemoryEstimator(options, images)
            .Record(1, new RecomputedLayers(GradientCheckpointing.None)).Layers;
        using DisposeScope scope = NewDisposeScope();
        using UNet2D unet = new(options with { SampleSize = null });
        List<(nn.Module Layer, long Numbers)> calls = [];
        foreach (ResnetBlock block in unet.modules().OfType<ResnetBlock>())
        {
            block.register_forward_hook((layer, _, _, _, output) =>
            {
                calls.Add((layer, output.numel()));
                return output;
            });
        }

        unet.Recompute(Enumerable.Range(0, layers.Count).Where(number => number % 2 == 0).ToHashSet());
        using Tensor labels = options.ClassEmbedType switch
        {
            ClassEmbedType.Identity => zeros([1, 4L * options.BlockOutChannels[0]]),
            ClassEmbedType.Timestep => zeros([1]),
            _ => zeros([1], ScalarType.Int64),
        };
        bool hasLabels = options.NumClassEmbeds is not null || options.ClassEmbedType is not null;
        unet.call(zeros([1, options.InChannels, 32, 32]), ones([1], ScalarType.Int64), hasLabels ? labels : null).sum().backward();

        calls.Take(layers.Count).Select(call => call.Numbers).Should().Equal(layers.Select(layer => layer.Answer));
        calls.Take(layers.Count).Select(call => calls.Count(other => ReferenceEquals(other.Layer, call.Layer)))
            .Should().Equal(Enumerable.Range(0, layers.Count).Select(number => number % 2 == 0 ? 2 : 1));
    }

    [Fact]
    public void A_recomputed_block_keeps_its_input_alone()
    {
        // One image of 32 x 32: the only block with attention is the first of the middle. Its input has 64 x 16 x 16.
        UNet2DOptions network = Plain with { AddAttention = true, AttentionHeadDim = 32 };
        long kept = Of(GradientCheckpointing.None).Activations - Of(GradientCheckpointing.Attention).Activations;
        long images = 64 * 16 * 16;
        const long Statistics = 2 * 32;

        // Of the residual block the inputs of two normalizations, two activations and two convolutions; of the attention as always.
        long residual = (6 * images) + (2 * Statistics);
        long attention = (6 * images) + Statistics + (2 * 16 * 16);
        kept.Should().Be((residual + attention - images) * sizeof(float));

        MemoryEstimate Of(GradientCheckpointing blocks) =>
            new MemoryEstimator(network, ImageShape.Square(32)) { GradientCheckpointing = blocks }.Estimate(1);
    }

    [Theory]
    [InlineData(Precision.BFloat16)]
    [InlineData(Precision.Float16)]
    public void Sixteen_bits_halve_activations_and_add_rounded_weights(Precision precision)
    {
        ImageShape images = ImageShape.Square(64);
        MemoryEstimate exact = MemoryEstimator.For(Plain, images, new TrainingOptions()).Estimate(4);
        MemoryEstimate rounded = MemoryEstimator.For(Plain, images, new TrainingOptions { Precision = precision }).Estimate(4);

        MemoryEstimator.For(Plain, images, new TrainingOptions { Precision = Precision.TensorFloat32 }).Estimate(4).Total
            .Should().Be(exact.Total);
        rounded.Activations.Should().Be(exact.Activations / 2).And.Be(rounded.Blocks.Sum(block => block.ActivationBytes));
        rounded.Parameters.Should().Be(exact.Parameters + (exact.Gradients / 2));
        (rounded.Gradients, rounded.Optimizer, rounded.Averages).Should().Be((exact.Gradients, exact.Optimizer, exact.Averages));
        rounded.Total.Should().BeLessThan(exact.Total);
    }

    [Fact]
    public void Gradient_checkpointing_is_a_way_to_fit_before_those_that_change_the_result()
    {
        MemoryEstimator estimator = new(Plain, ImageShape.Square(64)) { Averages = 2 };
        long budget = estimator.Estimate(12).Total * 2 / 3;

        string[] changes = [.. estimator.Reductions(12, budget).Select(way => way.Change)];
        MemoryEstimator already = new(Plain, ImageShape.Square(64)) { GradientCheckpointing = GradientCheckpointing.All };
        IReadOnlyList<MemoryReduction> more = already.Reductions(12, already.Estimate(12).Total * 2 / 3);

        changes[1].Should().StartWith("gradient checkpointing");
        more.Should().NotBeEmpty()
            .And.OnlyContain(way => way.Estimator.GradientCheckpointing == GradientCheckpointing.All
            && !way.Change.Contains("gradient checkpointing", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData(40)]
    [InlineData(50)]
    [InlineData(333)]
    public void The_largest_micro_batch_fits_and_one_image_more_does_not(long mebibytes)
    {
        MemoryEstimator estimator = new(Plain, ImageShape.Square(32));

        int largest = estimator.MaxMicroBatch(mebibytes * Mebibyte);

        largest.Should().BePositive();
        estimator.Estimate(largest).Total.Should().BeLessThanOrEqualTo(mebibytes * Mebibyte);
        estimator.Estimate(largest + 1).Total.Should().BeGreaterThan(mebibytes * Mebibyte);
    }

    [Fact]
    public void Every_way_to_fit_fits_and_keeps_the_batch_whole()
    {
        MemoryEstimator estimator = new(Plain, ImageShape.Square(64)) { Averages = 2 };
        long budget = estimator.Estimate(12).Total / 2;

        IReadOnlyList<MemoryReduction> ways = estimator.Reductions(12, budget);

        ways.Should().HaveCountGreaterThan(3);
        ways[0].Change.Should().StartWith("MicroBatchSize ");
        ways.Should().OnlyContain(way => way.Estimate.Total <= budget && 12 % way.Estimate.MicroBatchSize == 0);
        ways.Should().OnlyContain(way => way.Estimator.Estimate(way.Estimate.MicroBatchSize).Total == way.Estimate.Total);
        estimator.Advise(12, budget).Should().Contain("does not fit").And.Contain("no average").And.Contain("MiB")
            .And.NotContain("Even one image");
    }

    [Fact]
    public void A_budget_below_one_image_is_answered_with_what_one_image_takes()
    {
        MemoryEstimator estimator = new(Plain, ImageShape.Square(64));
        long parameters = estimator.Estimate(1).Parameters;

        estimator.MaxMicroBatch(parameters).Should().Be(0);
        estimator.Reductions(8, parameters).Should().BeEmpty();
        estimator.Advise(8, parameters).Should().Contain("Even one image at a time takes").And.Contain("smaller network");
        estimator.Advise(8, long.MaxValue).Should().StartWith("It fits");
        estimator.Reductions(8, long.MaxValue).Should().BeEmpty();
    }

    [Fact]
    public void Images_that_the_network_cannot_take_are_refused()
    {
        ((Func<MemoryEstimator>)(() => new MemoryEstimator(Plain, ImageShape.Square(32, 1)))).Should().Throw<ArgumentException>()
            .WithMessage("*1 channels*takes 3*");
        ((Func<MemoryEstimator>)(() => new MemoryEstimator(Plain, ImageShape.Square(33)))).Should().Throw<ArgumentException>()
            .WithMessage("*33 x 33*multiples of 2*");
        ((Func<MemoryEstimate>)(() => new MemoryEstimator(Plain, ImageShape.Square(32)).Estimate(0))).Should()
            .Throw<ArgumentOutOfRangeException>();
    }

    [Fact]
    public void The_state_of_other_optimizers_is_counted()
    {
        TrainingOptions saved = new() { RunFolder = "runs/x" };
        MemoryEstimate adam = MemoryEstimator.For(Plain, ImageShape.Square(32), saved).Estimate(1);
        MemoryEstimate lion = MemoryEstimator.For(Plain, ImageShape.Square(32), saved, Optimizers.Lion()).Estimate(1);
        MemoryEstimate prodigy = MemoryEstimator.For(Plain, ImageShape.Square(32), saved, Optimizers.Prodigy()).Estimate(1);

        (adam.Optimizer, lion.Optimizer, prodigy.Optimizer).Should().Be((2 * adam.Parameters, adam.Parameters, 4 * adam.Parameters));
        (lion.SavingCopy, prodigy.SavingCopy).Should().Be((3 * adam.Parameters, 6 * adam.Parameters));
        MemoryEstimator asked = new(Plain, ImageShape.Square(32)) { Optimizer = Optimizers.Lion() };
        asked.Reductions(32, asked.Estimate(32).Total / 2).Should().NotBeEmpty()
            .And.OnlyContain(way => way.Estimator.Optimizer.Description.StartsWith("lion"));
    }

    private static long Kept(int size, int batch) => new MemoryEstimator(Plain, ImageShape.Square(size)).Estimate(batch).Activations;
}
