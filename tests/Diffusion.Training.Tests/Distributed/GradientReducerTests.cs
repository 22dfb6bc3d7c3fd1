using Diffusion.TestKit;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Diffusion.Training.Tests.Distributed;

/// <summary>Gradients are added while the backward pass runs, and never before they are complete.</summary>
public sealed class GradientReducerTests
{
    private const long OneParameter = 512; // bytes

    [Fact]
    public void Buckets_cover_all_trained_parameters_from_the_last_layer_to_the_first()
    {
        using Chain chain = new();
        chain.get_parameter("first.weight")!.requires_grad = false;
        using FlatParameters parameters = new(chain);
        IReadOnlyList<GradientBucket> whole = GradientBucket.Of(parameters.Layout, long.MaxValue, 4);
        IReadOnlyList<GradientBucket> small = GradientBucket.Of(parameters.Layout, OneParameter, 4);

        whole.Select(bucket => (bucket.Offset, bucket.Length)).Should()
            .Equal((0, parameters.DecayedLength), (parameters.DecayedLength, parameters.TrainedLength - parameters.DecayedLength));
        small.SelectMany(bucket => bucket.Parameters).Should().Equal(
            "last.weight", "third.weight", "second.weight", "last.bias", "third.bias", "second.bias", "first.bias");
        small.Select(bucket => bucket.Length * 4).Should().AllSatisfy(bytes => bytes.Should().BeGreaterThanOrEqualTo(OneParameter));
        small.OrderBy(bucket => bucket.Offset).Aggregate(0L, (end, bucket) =>
        {
            bucket.Offset.Should().Be(end);
            return end + bucket.Length;
        }).Should().Be(parameters.TrainedLength);
    }

    [Fact]
    public void Buckets_start_during_the_backward_pass_except_the_first_layer_and_the_biases()
    {
        int[][] overlapped = Overlapped((chain, x) => chain.Call(x));

        overlapped.Should().AllSatisfy(steps => steps.Should().Equal(0, 0, 3)); // the first two are rehearsals
    }

    [Fact]
    public void Layers_are_marked_only_while_a_bucket_could_start_earlier()
    {
        (bool First, bool Last, int Overlapped)[] Marking(long bucketBytes) => OnTwoRanks(group =>
        {
            using Chain chain = new();
            using FlatParameters parameters = new(chain);
            using GradientReducer reducer = new(group, parameters, chain, bucketBytes);
            bool first = reducer.IsMarking;
            for (int pass = 0; pass < 3; pass++)
            {
                parameters.Gradients.zero_();
                reducer.BeginForward();
                Tensor loss = chain.Call(Filled(4, Chain.Width)).square().mean();
                reducer.BeginBackward();
                loss.backward();
                reducer.Finish();
            }

            return (first, reducer.IsMarking, reducer.Overlapped);
        });

        Marking(long.MaxValue).Should().AllBeEquivalentTo((true, false, 0));
        Marking(OneParameter).Should().AllBeEquivalentTo((true, true, 3));
    }

    [Fact]
    public void A_layer_that_is_called_twice_is_complete_after_both()
    {
        int[][] overlapped = Overlapped((chain, x) =>
        {
            Tensor h = chain.First.call(x);
            return chain.Last.call(chain.Third.call(chain.Second.call(chain.Second.call(h))));
        });

        overlapped.Should().AllSatisfy(steps => steps.Should().Equal(0, 0, 3));
    }

    [Fact]
    public void A_weight_that_is_used_outside_its_layer_is_reduced_after_the_backward_pass()
    {
        // The second use comes earlier in the network, so its gradient comes after that of the layer's call.
        int[][] overlapped = Overlapped((chain, x) =>
        {
            Tensor h = nn.functional.linear(chain.First.call(x), chain.Last.weight!);
            return chain.Last.call(chain.Third.call(chain.Second.call(h)));
        });

        overlapped.Should().AllSatisfy(steps => steps.Should().Equal(0, 0, 2));
    }

    [Fact]
    public void A_last_layer_that_begins_with_zeros_hides_no_later_use_of_a_weight()
    {
        // At first all gradients but those of the last layer are zeros: nothing shows that a second one comes.
        int[][] overlapped = Overlapped(
            (chain, x) =>
            {
                Tensor h = nn.functional.linear(chain.First.call(x), chain.Third.weight!);
                return chain.Last.call(chain.Third.call(chain.Second.call(h)));
            },
            before: (chain, pass) =>
            {
                using IDisposable noGradients = no_grad();
                chain.Last.weight!.fill_(pass == 0 ? 0 : 0.1);
            });

        overlapped.Should().AllSatisfy(steps => steps.Should().Equal([0, 0, 2], "the second pass is a rehearsal too"));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Self_conditioning_hides_as_many_buckets_as_a_pass_without_a_first_estimate(bool checkpointing)
    {
        UNet2DOptions options = new()
        {
            SampleSize = 8, InChannels = 2, OutChannels = 1, BlockOutChannels = [8], DownBlockTypes = [DownBlockType.DownBlock2D],
            UpBlockTypes = [UpBlockType.UpBlock2D], LayersPerBlock = 1, NormNumGroups = 4,
        };

        int[] with = Buckets(1);
        int[] without = Buckets(0);

        with.Should().Equal(without);
        with.Should().AllSatisfy(overlapped => overlapped.Should().BePositive());

        int[] Buckets(double fraction) => OnTwoRanks(group =>
        {
            using SelfConditionedModel model = new(new UNet2D(options, seed: 3)
            {
                GradientCheckpointing = checkpointing ? GradientCheckpointing.All : GradientCheckpointing.None,
            });
            using FlatParameters parameters = new(model.Network);
            using GradientReducer reducer = new(group, parameters, model.Network, 5_000);
            TrainingPass training = new(
                new Denoiser(model, NoiseSchedule.Cosine(), Parameterization.Epsilon), new Objective { SelfConditioning = fraction },
                new SeedStream(3));
            for (int pass = 0; pass < 3; pass++)
            {
                using DisposeScope scope = NewDisposeScope();
                parameters.Gradients.zero_();
                reducer.BeginForward();
                Tensor loss = training.Loss(Filled(2, 1, 8, 8), Conditioning.None, [2 * group.Rank, (2 * group.Rank) + 1]);
                reducer.BeginBackward();
                loss.backward();
                reducer.Finish();
            }

            return reducer.Overlapped;
        });
    }

    [Fact]
    public void A_layer_whose_weight_its_owner_uses_without_a_call_is_complete_when_the_owner_is()
    {
        int[] overlapped = OnTwoRanks(group =>
        {
            using Sequential network = nn.Sequential(nn.Linear(Chain.Width, Chain.Width), new Owner(), nn.Linear(Chain.Width, Chain.Width));
            using FlatParameters parameters = new(network);
            using GradientReducer reducer = new(group, parameters, network, OneParameter);
            for (int pass = 0; pass < 3; pass++)
            {
                reducer.BeginForward();
                Tensor loss = network.call(Filled(4, Chain.Width)).square().mean();
                reducer.BeginBackward();
                loss.backward();
                reducer.Finish();
            }

            return reducer.Overlapped;
        });

        overlapped.Should().Equal([2, 2], "all weights but the first, whose input has no gradient");
    }

    [Fact]
    public void A_layer_that_only_one_rank_uses_holds_up_no_rank()
    {
        Overlapped((chain, x) => chain.Last.call(chain.Third.call(chain.First.call(x))), useSecond: rank => rank == 1);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Gradients_of_a_UNet_are_those_of_the_whole_batch_also_with_gradient_checkpointing(bool checkpointing)
    {
        UNet2DOptions options = UNet2DOptions.ForImages(8, 1, UNet2DSize.Medium) with
        {
            BlockOutChannels = [8, 16], NormNumGroups = 4, LayersPerBlock = 1,
            DownBlockTypes = [DownBlockType.DownBlock2D, DownBlockType.AttnDownBlock2D],
            UpBlockTypes = [UpBlockType.AttnUpBlock2D, UpBlockType.UpBlock2D], AttentionHeadDim = 8,
        };
        Tensor images = Filled(4, 1, 8, 8);
        float[] whole;
        using (UNet2D unet = new(options, seed: 3))
        using (FlatParameters parameters = new(unet))
        {
            Backward(unet, images);
            whole = parameters.Gradients.data<float>().ToArray();
        }

        (float[] Gradients, int Overlapped, int Buckets)[] ranks = OnTwoRanks(group =>
        {
            using UNet2D unet = new(options, seed: 3)
            {
                GradientCheckpointing = checkpointing ? GradientCheckpointing.All : GradientCheckpointing.None,
            };
            using FlatParameters parameters = new(unet);
            using GradientReducer reducer = new(group, parameters, unet, 20_000);
            for (int pass = 0; pass < 3; pass++)
            {
                parameters.Gradients.zero_();
                reducer.BeginForward();
                Backward(unet, images.narrow(0, 2 * group.Rank, 2), reducer);
                reducer.Finish();
            }

            return (parameters.Gradients.data<float>().ToArray(), reducer.Overlapped, reducer.Buckets);
        });

        double largest = whole.Max(Math.Abs);
        ranks[0].Gradients.Zip(whole, (a, b) => Math.Abs(a - b)).Max().Should().BeLessThan((float)(1e-5 * largest));
        ranks[1].Gradients.Should().Equal(ranks[0].Gradients);
        ranks.Should().AllSatisfy(rank => rank.Overlapped.Should().BeGreaterThan(rank.Buckets / 2));
    }

    private static void Backward(UNet2D unet, Tensor images, GradientReducer? reducer = null)
    {
        using DisposeScope scope = NewDisposeScope();
        using Scalar quarter = 0.25.ToScalar();
        Tensor loss = unet.Predict(images, full([images.shape[0]], 100L, ScalarType.Int64), Conditioning.None)
            .square().flatten(1).mean([1]).sum().mul(quarter);
        reducer?.BeginBackward();
        loss.backward();
    }

    // Three passes on two ranks: the reduced gradients must be the sum of those of both ranks.
    private static int[][] Overlapped(
        Func<Chain, Tensor, Tensor> forward, Func<int, bool>? useSecond = null, Action<Chain, int>? before = null)
    {
        Tensor Run(Chain chain, int rank, int pass)
        {
            before?.Invoke(chain, pass);
            Tensor input = Filled(4, Chain.Width).add((rank + (2 * pass)).ToScalar());
            Tensor output = forward(chain, input);
            return (useSecond?.Invoke(rank) == true ? chain.Second.call(output) : output).square().mean();
        }

        float[] Expected(int pass)
        {
            using Chain chain = new();
            using FlatParameters parameters = new(chain);
            Run(chain, 0, pass).backward();
            Run(chain, 1, pass).backward();
            return parameters.Gradients.data<float>().ToArray();
        }

        float[][] expected = [.. Enumerable.Range(0, 3).Select(Expected)];
        return OnTwoRanks(group =>
        {
            using Chain chain = new();
            using FlatParameters parameters = new(chain);
            using GradientReducer reducer = new(group, parameters, chain, OneParameter);
            int[] overlapped = new int[3];
            for (int pass = 0; pass < 3; pass++)
            {
                parameters.Gradients.zero_();
                reducer.BeginForward();
                Tensor loss = Run(chain, group.Rank, pass);
                reducer.BeginBackward();
                loss.backward();
                reducer.Finish();
                overlapped[pass] = reducer.Overlapped;
                float[] sums = parameters.Gradients.data<float>().ToArray();
                sums.Zip(expected[pass], (a, b) => Math.Abs(a - b)).Max().Should().BeLessThan(1e-5f * expected[pass].Max(Math.Abs));
            }

            return overlapped;
        });
    }

    private static T[] OnTwoRanks<T>(Func<IProcessGroup, T> work)
    {
        T[] results = new T[2];
        ThreadRanks.Run(2, group => results[group.Rank] = work(group));
        return results;
    }

    private static Tensor Filled(params long[] shape) =>
        arange(shape.Aggregate(1L, (all, one) => all * one)).to(ScalarType.Float32).sin().view(shape);

    private sealed class Owner : nn.Module<Tensor, Tensor>
    {
        private readonly Linear inner;

        public Owner()
            : base(nameof(Owner)) =>
            register_module("inner", inner = nn.Linear(Chain.Width, Chain.Width));

        public override Tensor forward(Tensor x) => nn.functional.linear(x, inner.weight!, inner.bias);
    }

    private sealed class Chain : nn.Module
    {
        public const int Width = 12;

        public Chain()
            : base(nameof(Chain))
        {
            using (GlobalGenerator.Hold(5))
            {
                (First, Second, Third, Last) = (Layer(), Layer(), Layer(), Layer());
            }

            register_module("first", First);
            register_module("second", Second);
            register_module("third", Third);
            register_module("last", Last);
        }

        public Linear First { get; }

        public Linear Second { get; }

        public Linear Third { get; }

        public Linear Last { get; }

        public Tensor Call(Tensor x) => Last.call(Third.call(Second.call(First.call(x))));

        private static Linear Layer() => nn.Linear(Width, Width);
    }
}
