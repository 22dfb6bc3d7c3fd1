using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Training.Tests.Optimization;

/// <summary>Trains a layer with a weight and a bias, and the same two numbers by equations in float64.</summary>
internal static class ElementReference
{
    /// <summary>The gradient of a step for the decayed weight and for the plain bias.</summary>
    public static (double Weight, double Bias) Gradient(int t) => (0.3 * t, -0.7 + (0.1 * t));

    /// <summary>The learning rate of a step, as a multiple of the first.</summary>
    public static double Rate(double first, int t) => first / t;

    /// <summary>Compares ten steps.</summary>
    /// <param name="factory">The optimizer.</param>
    /// <param name="firstRate">The learning rate of the first step.</param>
    /// <param name="step">
    /// One step by the paper's equations: the number, its gradient, the step from 1, the learning rate, and whether it decays.
    /// </param>
    /// <typeparam name="T">What the equations remember of a number.</typeparam>
    public static void Compare<T>(
        IOptimizerFactory factory, double firstRate, Func<double, double, int, double, bool, T?, (double Value, T Memory)> step)
        where T : class
    {
        using nn.Module<Tensor, Tensor> layer = nn.Linear(1, 1);
        using (no_grad())
        {
            layer.get_parameter("weight")!.fill_(0.5f);
            layer.get_parameter("bias")!.fill_(-0.25f);
        }

        using FlatParameters parameters = new(layer);
        using IOptimizer optimizer = factory.Create(parameters);
        using Tensor one = ones([]);
        using Tensor zero = zeros([]);
        (double weight, double bias) = (0.5, -0.25);
        (T? ofWeight, T? ofBias) = (null, null);
        for (int t = 1; t <= 10; t++)
        {
            (double first, double second) = Gradient(t);
            SetGradient(layer, "weight", first);
            SetGradient(layer, "bias", second);
            optimizer.Update(Rate(firstRate, t), one, zero);
            (weight, ofWeight) = step(weight, first, t, Rate(firstRate, t), true, ofWeight);
            (bias, ofBias) = step(bias, second, t, Rate(firstRate, t), false, ofBias);
        }

        weight.Should().NotBeApproximately(0.5, 1e-3);
        layer.get_parameter("weight")!.item<float>().Should().BeApproximately((float)weight, 1e-6f);
        layer.get_parameter("bias")!.item<float>().Should().BeApproximately((float)bias, 1e-6f);
    }

    private static void SetGradient(nn.Module layer, string name, double value)
    {
        using IDisposable noGradients = no_grad();
        layer.get_parameter(name)!.grad!.fill_(value);
    }
}
