using static TorchSharp.torch;

namespace Diffusion.Training;

/// <summary>
/// The combination of stored profiles that is nearest to a target profile (Karras et al. 2024, appendix C.3). The coefficients are divided
/// by their sum, so that the result is an average of weights.
/// </summary>
/// <param name="Coefficients">The factor of each stored profile. Their sum is 1.</param>
/// <param name="RelativeError">The L2 norm of the difference of the profiles, divided by that of the target.</param>
internal sealed record ProfileFit(IReadOnlyList<double> Coefficients, double RelativeError)
{
    /// <summary>Fits stored profiles to a target.</summary>
    /// <param name="stored">The stored profiles, all different.</param>
    /// <param name="target">The target profile.</param>
    public static ProfileFit Of(IReadOnlyList<PowerProfile> stored, PowerProfile target)
    {
        int count = stored.Count;
        double[] norms = [.. stored.Select(profile => Math.Sqrt(profile.Dot(profile)))];
        double norm = Math.Sqrt(target.Dot(target));
        double[,] gram = new double[count, count]; // of the profiles at norm 1, which has the better condition
        double[] right = new double[count];
        for (int i = 0; i < count; i++)
        {
            right[i] = stored[i].Dot(target) / (norms[i] * norm);
            for (int j = 0; j < count; j++)
            {
                gram[i, j] = stored[i].Dot(stored[j]) / (norms[i] * norms[j]);
            }
        }

        using Tensor matrix = tensor(gram); // [n, n], float64
        using Tensor vector = tensor(right); // [n]
        using Tensor solved = linalg.solve(matrix, vector);
        double[] solution = [.. solved.data<double>().Select((value, i) => value * norm / norms[i])];
        double sum = solution.Sum();
        double[] coefficients = [.. solution.Select(value => value / sum)];
        return new ProfileFit(coefficients, ErrorOf(coefficients, gram, right, norms, norm));
    }

    // |target - combination|^2, all at the scale of the target.
    private static double ErrorOf(double[] coefficients, double[,] gram, double[] right, double[] norms, double norm)
    {
        double[] scaled = [.. coefficients.Select((value, i) => value * norms[i] / norm)];
        double square = 1;
        for (int i = 0; i < scaled.Length; i++)
        {
            square -= 2 * scaled[i] * right[i];
            for (int j = 0; j < scaled.Length; j++)
            {
                square += scaled[i] * scaled[j] * gram[i, j];
            }
        }

        return Math.Sqrt(Math.Max(0, square));
    }
}
