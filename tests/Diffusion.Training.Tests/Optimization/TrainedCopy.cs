using Diffusion.TestKit;
using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Training.Tests.Optimization;

/// <summary>
/// The parameters of <see cref="MixedNetwork"/> under an optimizer, and the same numbers in float64, which a test trains by equations.
/// </summary>
internal sealed class TrainedCopy : IDisposable
{
    private readonly MixedNetwork network = new();
    private readonly FlatParameters parameters;

    public TrainedCopy(IOptimizerFactory factory)
    {
        parameters = new FlatParameters(network);
        Optimizer = factory.Create(parameters);
        Values = network.named_parameters().Where(p => p.parameter.requires_grad)
            .ToDictionary(p => p.name, p => Numbers(p.parameter), StringComparer.Ordinal);
    }

    public IOptimizer Optimizer { get; }

    /// <summary>The numbers that the test trains.</summary>
    public Dictionary<string, double[]> Values { get; }

    /// <summary>The shape of a parameter.</summary>
    public long[] ShapeOf(string name) => network.get_parameter(name)!.shape;

    /// <summary>Draws gradients, and lets the optimizer use them.</summary>
    /// <returns>The gradients by name.</returns>
    public IReadOnlyDictionary<string, double[]> Step(int step, double rate, float size = 1)
    {
        using DisposeScope scope = NewDisposeScope();
        Dictionary<string, double[]> gradients = new(StringComparer.Ordinal);
        using (GlobalGenerator.Hold(100 + step))
        {
            foreach ((string name, Tensor view) in parameters.TrainedViews(parameters.Gradients))
            {
                view.copy_(randn(view.shape).Times(size));
                gradients[name] = Numbers(view);
                view.Dispose();
            }
        }

        Optimizer.Update(rate, ones([]), zeros([]));
        return gradients;
    }

    /// <summary>The greatest difference between the optimizer's numbers and those of the test.</summary>
    public double GreatestDifference() => Values.Max(each => DifferenceOf(each.Key));

    /// <summary>The greatest difference of one parameter.</summary>
    public double DifferenceOf(string name) =>
        Values[name].Zip(Numbers(network.get_parameter(name)!), (mine, trained) => Math.Abs(mine - trained)).Max();

    /// <summary>The greatest difference between the weights to use and those of the test.</summary>
    public double GreatestDifferenceOfUsed(IReadOnlyDictionary<string, double[]> expected)
    {
        using Tensor used = zeros_like(parameters.Values);
        Optimizer.CopyWeightsToUse(used);
        IReadOnlyDictionary<string, Tensor> views = parameters.TrainedViews(used);
        double greatest = expected.Max(each => each.Value.Zip(Numbers(views[each.Key]), (mine, theirs) => Math.Abs(mine - theirs)).Max());
        views.Values.ToList().ForEach(view => view.Dispose());
        return greatest;
    }

    public void Dispose()
    {
        Optimizer.Dispose();
        parameters.Dispose();
        network.Dispose();
    }

    private static double[] Numbers(Tensor tensor) => [.. tensor.detach().contiguous().data<float>().ToArray().Select(x => (double)x)];
}
