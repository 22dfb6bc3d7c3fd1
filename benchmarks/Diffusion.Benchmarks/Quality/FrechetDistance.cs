using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Benchmarks;

/// <summary>Mean and covariance of a set of feature vectors, in float64.</summary>
/// <param name="Mean"><c>[D]</c>.</param>
/// <param name="Covariance"><c>[D, D]</c>.</param>
internal sealed record FeatureStatistics(Tensor Mean, Tensor Covariance) : IDisposable
{
    /// <summary>The statistics of features <c>[N, D]</c>, with N at least 2.</summary>
    public static FeatureStatistics Of(Tensor features)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor x = features.to(ScalarType.Float64);
        Tensor mean = x.mean([0]); // [D]
        Tensor centered = x - mean;
        Tensor covariance = centered.t().mm(centered) / (x.shape[0] - 1); // [D, D]
        return new FeatureStatistics(mean.MoveToOuterDisposeScope(), covariance.MoveToOuterDisposeScope());
    }

    public void Dispose()
    {
        Mean.Dispose();
        Covariance.Dispose();
    }
}

/// <summary>
/// The Frechet distance between two normal distributions (Dowson and Landau 1982): |m1 - m2|^2 + tr(C1 + C2 - 2 (C1 C2)^(1/2)). Computed
/// from the features of a classifier, it measures the distance between two sets of images (Heusel et al. 2017).
/// </summary>
internal static class FrechetDistance
{
    private const double Tolerance = 1e-8;

    public static double Between(FeatureStatistics first, FeatureStatistics second)
    {
        using DisposeScope scope = NewDisposeScope();

        // (C1 C2)^(1/2) has the trace of (C1^(1/2) C2 C1^(1/2))^(1/2), which is symmetric.
        (Tensor values, Tensor vectors) = linalg.eigh(first.Covariance);
        Tensor root = (vectors * values.clamp_min(0).sqrt()).mm(vectors.t()); // [D, D]
        Tensor product = root.mm(second.Covariance).mm(root);
        Tensor trace = linalg.eigvalsh((product + product.t()) / 2).clamp_min(0).sqrt().sum();
        Tensor distance = (first.Mean - second.Mean).square().sum() + first.Covariance.trace() + second.Covariance.trace() - (2 * trace);
        return distance.item<double>();
    }

    /// <summary>Checks the computation with known distances.</summary>
    /// <exception cref="InvalidOperationException">A computed distance is wrong.</exception>
    public static void CheckItself()
    {
        const int d = 64;
        using DisposeScope scope = NewDisposeScope();
        using Generator generator = new(1, CPU);
        FeatureStatistics some = FeatureStatistics.Of(randn([1000, d], generator: generator) * arange(1, d + 1));
        FeatureStatistics standard = new(zeros(d, ScalarType.Float64), eye(d, dtype: ScalarType.Float64));
        FeatureStatistics shifted = new(3 * ones(d, ScalarType.Float64), standard.Covariance);
        FeatureStatistics wide = new(standard.Mean, 4 * standard.Covariance);
        Expect("of a set and itself", Between(some, some), 0, some.Covariance.trace().item<double>());
        Expect("of N(0, 1) and N(3, 1)", Between(standard, shifted), 9 * d, d);
        Expect("of N(0, 1) and N(0, 4)", Between(standard, wide), d, d);
    }

    private static void Expect(string what, double actual, double expected, double scale)
    {
        if (!(Math.Abs(actual - expected) <= Tolerance * scale))
        {
            throw new InvalidOperationException($"The Frechet distance {what} is {actual}, but must be {expected}.");
        }
    }
}
