using Diffusion.TestKit;
using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Training.Tests.Optimization;

public sealed class AdamW8BitTests
{
    // Dettmers et al. 2022, section 2: decode, AdamW, encode by the nearest code, in blocks of 128.
    [Fact]
    public void Eight_steps_follow_the_algorithm()
    {
        const double Rate = 1e-2;
        using TrainedCopy copy = new(Optimizers.AdamW8Bit(weightDecay: 0.1));
        Dictionary<string, AdamStep> adam = copy.Values.ToDictionary(
            each => each.Key, each => new AdamStep(each.Value.Length, copy.ShapeOf(each.Key).Length > 1 ? 0.1 : 0));
        for (int t = 1; t <= 8; t++)
        {
            IReadOnlyDictionary<string, double[]> gradients = copy.Step(t, Rate);
            foreach ((string name, AdamStep one) in adam)
            {
                one.Apply(copy.Values[name], gradients[name], t, Rate);
                if (copy.ShapeOf(name).Length > 1)
                {
                    Round(one.First, DynamicCode.Signed);
                    Round(one.Second, DynamicCode.Unsigned);
                }
            }
        }

        copy.GreatestDifference().Should().BeLessThan(Rate * 1e-3);
    }

    [Fact]
    public void Codes_are_sorted_and_cover_seven_magnitudes()
    {
        DynamicCode.Signed.Should().HaveCount(256).And.BeInAscendingOrder().And.OnlyHaveUniqueItems().And.Contain([0, 1]);
        DynamicCode.Signed.Min().Should().BeApproximately(-0.993f, 1e-3f);
        DynamicCode.Unsigned.Should().HaveCount(255).And.BeInAscendingOrder().And.OnlyHaveUniqueItems();
        DynamicCode.Unsigned[0].Should().BeInRange(1e-7f, 1e-6f);
        DynamicCode.Unsigned[^1].Should().Be(1);
    }

    [Fact]
    public void Its_state_is_less_than_three_tenths_of_AdamWs()
    {
        using UNet2D network = new(UNet2DOptions.ForImages(16, 3, UNet2DSize.Small));
        using FlatParameters parameters = new(network);
        using IOptimizer full = Optimizers.AdamW().Create(parameters);
        using IOptimizer small = Optimizers.AdamW8Bit().Create(parameters);

        double share = (double)Bytes(small) / Bytes(full);

        share.Should().BeLessThan(0.3).And.BeGreaterThan(0.25);

        static long Bytes(IOptimizer optimizer) => optimizer.State.Values.Sum(tensor => tensor.numel() * tensor.ElementSize);
    }

    [Fact]
    public void Matrices_have_moments_of_one_byte_and_vectors_do_not_whatever_a_rule_says_of_their_decay()
    {
        using MixedNetwork network = new();
        using FlatParameters parameters = new(network, rules:
        [
            new ParameterRule { Names = "conv*.weight", Decays = false }, new ParameterRule { Names = "*.bias", Decays = true },
        ]);
        using IOptimizer optimizer = Optimizers.AdamW8Bit(weightDecay: 0.5).Create(parameters);
        Dictionary<string, float> before = FirstNumbers();

        optimizer.Update(0.1, ones([]), zeros([])); // without gradients, only the decay changes weights

        (bool IsMatrix, string Name)[] trained = [.. parameters.Layout.Entries.Where(entry => entry.Group != ParameterGroup.Frozen)
            .Select(entry => (entry.Shape.Count > 1, entry.Name))];
        Names("exp_avg.codes.").Should().BeEquivalentTo(trained.Where(each => each.IsMatrix).Select(each => each.Name));
        Names("exp_avg.").Where(name => !name.StartsWith("codes.") && !name.StartsWith("scales."))
            .Should().BeEquivalentTo(trained.Where(each => !each.IsMatrix).Select(each => each.Name));
        foreach ((string name, float number) in FirstNumbers())
        {
            bool decays = name.EndsWith(".bias") || name is "table.weight" or "tall.weight" or "wide.weight" or "qkv.weight";
            number.Should().BeApproximately(decays ? 0.95f * before[name] : before[name], 1e-6f, name);
        }

        string[] Names(string kind) =>
            [.. optimizer.State.Keys.Where(key => key.StartsWith(kind)).Select(key => key[kind.Length..])];

        Dictionary<string, float> FirstNumbers() => network.named_parameters()
            .ToDictionary(p => p.name, p => p.parameter.data<float>().ToArray()[0], StringComparer.Ordinal);
    }

    [Fact]
    public void The_number_of_elements_that_are_decoded_at_a_time_changes_no_bit()
    {
        byte[] whole = Train(chunk: null);
        Train(chunk: 128).Should().Equal(whole);
        Train(chunk: 384).Should().Equal(whole);

        static byte[] Train(long? chunk)
        {
            using MixedNetwork network = new();
            using FlatParameters parameters = new(network);
            using AdamW8Bit optimizer = new(parameters, new AdamSettings(0.1, 0.9, 0.999, 1e-8, IsDecoupled: true), chunk);
            for (int step = 0; step < 3; step++)
            {
                using DisposeScope scope = NewDisposeScope();
                using (GlobalGenerator.Hold(step))
                {
                    parameters.Gradients.copy_(randn(parameters.Gradients.shape));
                }

                optimizer.Update(1e-2, ones([]), zeros([]));
            }

            return [.. optimizer.State.OrderBy(each => each.Key, StringComparer.Ordinal).Select(each => each.Value)
                .Append(parameters.Values).SelectMany(tensor => tensor.contiguous().bytes.ToArray())];
        }
    }

    [Fact]
    public void It_learns_as_AdamW_does()
    {
        double full = Fit(Optimizers.AdamW());
        double small = Fit(Optimizers.AdamW8Bit());

        small.Should().BeLessThan(1.3 * full);

        // Least squares with 400 inputs of very different sizes.
        static double Fit(IOptimizerFactory factory)
        {
            using DisposeScope scope = NewDisposeScope();
            Tensor inputs, targets;
            nn.Module<Tensor, Tensor> layer;
            using (GlobalGenerator.Hold(1))
            {
                inputs = randn(512, 400) * logspace(-2, 0, 400);
                targets = inputs.mm(randn(400, 4));
                layer = nn.Linear(400, 4);
            }

            using FlatParameters parameters = new(layer);
            using IOptimizer optimizer = factory.Create(parameters);
            double loss = 0;
            for (int step = 0; step < 150; step++)
            {
                using DisposeScope inner = NewDisposeScope();
                Tensor value = nn.functional.mse_loss(layer.call(inputs), targets);
                value.backward();
                optimizer.Update(3e-2, ones([]), zeros([]));
                parameters.Gradients.zero_();
                loss = value.item<float>();
            }

            return loss;
        }
    }

    [Fact]
    public void Impossible_values_are_all_listed() =>
        Optimizers.AdamW8Bit(weightDecay: -1, beta1: 1, beta2: double.NaN, epsilon: 0).Problems.Should().HaveCount(4)
            .And.OnlyContain(problem => problem.StartsWith("AdamW8Bit's ") && problem.Contains("Use "));

    private static void Round(double[] numbers, float[] codes)
    {
        for (int from = 0; from < numbers.Length; from += 128)
        {
            Span<double> block = numbers.AsSpan(from, Math.Min(128, numbers.Length - from));
            double largest = 0;
            foreach (double number in block)
            {
                largest = Math.Max(largest, Math.Abs(number));
            }

            for (int i = 0; i < block.Length; i++)
            {
                double scaled = block[i] / largest;
                block[i] = codes.MinBy(code => Math.Abs(code - scaled)) * largest;
            }
        }
    }
}
