using Diffusion.TestKit;
using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Training.Tests.Optimization;

public sealed class AdamWTests
{
    [Fact]
    public void Ten_steps_follow_the_papers_algorithm()
    {
        // Loshchilov and Hutter 2019, algorithm 2, in float64 for one decayed and one plain parameter.
        using nn.Module<Tensor, Tensor> layer = nn.Linear(1, 1);
        using (no_grad())
        {
            layer.get_parameter("weight")!.fill_(0.5f);
            layer.get_parameter("bias")!.fill_(-0.25f);
        }

        using FlatParameters parameters = new(layer);
        using IOptimizer optimizer = Optimizers.AdamW(weightDecay: 0.1).Create(parameters);
        using Tensor one = ones([]);
        using Tensor zero = zeros([]);
        double weight = 0.5, bias = -0.25, m1 = 0, v1 = 0, m2 = 0, v2 = 0;
        for (int t = 1; t <= 10; t++)
        {
            double g1 = 0.3 * t, g2 = -0.7 + (0.1 * t), rate = 0.01 / t;
            SetGradient(layer, "weight", g1);
            SetGradient(layer, "bias", g2);
            optimizer.Update(rate, one, zero);
            (weight, m1, v1) = Reference(weight, g1, m1, v1, t, rate, 0.1);
            (bias, m2, v2) = Reference(bias, g2, m2, v2, t, rate, 0);
        }

        layer.get_parameter("weight")!.item<float>().Should().BeApproximately((float)weight, 1e-6f);
        layer.get_parameter("bias")!.item<float>().Should().BeApproximately((float)bias, 1e-6f);
        optimizer.State["step"].item<float>().Should().Be(10);
    }

    [Fact]
    public void Impossible_values_are_all_listed() =>
        new AdamWFactory { WeightDecay = double.NaN, Beta1 = 1, Beta2 = -0.1, Epsilon = 0 }.Problems.Should().HaveCount(4)
            .And.OnlyContain(problem => problem.Contains("Use "));

    [Fact]
    public void A_skipped_step_changes_nothing_at_all()
    {
        using TinyModel model = new();
        using FlatParameters parameters = new(model);
        using IOptimizer optimizer = Optimizers.AdamW().Create(parameters);
        using Tensor one = ones([]);
        using Tensor zero = zeros([]);
        parameters.Gradients.fill_(0.5);
        optimizer.Update(1e-3, one, zero);
        string before = Everything();

        parameters.Gradients.fill_(float.NaN);
        optimizer.Update(1e-3, one, one);

        Everything().Should().Be(before);

        string Everything() => string.Join(
            ",", optimizer.State.Values.Append(parameters.Values).SelectMany(tensor => tensor.contiguous().data<float>().ToArray()));
    }

    [Fact]
    public void The_divisor_divides_the_gradients()
    {
        float[] divided = OneStep(gradient: 8, divisor: 4);
        float[] plain = OneStep(gradient: 2, divisor: 1);
        divided.Should().Equal(plain);

        static float[] OneStep(float gradient, float divisor)
        {
            using TinyModel model = new();
            using FlatParameters parameters = new(model);
            using IOptimizer optimizer = Optimizers.AdamW().Create(parameters);
            using Tensor by = tensor(divisor);
            using Tensor zero = zeros([]);
            parameters.Gradients.fill_(gradient);
            optimizer.Update(1e-3, by, zero);
            return [.. optimizer.State["exp_avg.conv_in.weight"].contiguous().data<float>().ToArray(), .. parameters.Values.data<float>()
                .ToArray()];
        }
    }

    private static (double Value, double First, double Second) Reference(
        double value, double gradient, double first, double second, int t, double rate, double decay)
    {
        value -= rate * decay * value;
        first = (0.9 * first) + (0.1 * gradient);
        second = (0.999 * second) + (0.001 * gradient * gradient);
        double unbiasedFirst = first / (1 - Math.Pow(0.9, t));
        double unbiasedSecond = second / (1 - Math.Pow(0.999, t));
        return (value - (rate * unbiasedFirst / (Math.Sqrt(unbiasedSecond) + 1e-8)), first, second);
    }

    private static void SetGradient(nn.Module layer, string name, double value)
    {
        using IDisposable noGradients = no_grad();
        layer.get_parameter(name)!.grad!.fill_(value);
    }
}
