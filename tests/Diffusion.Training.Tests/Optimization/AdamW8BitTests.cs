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
