namespace Diffusion.Sampling;

/// <summary>The coefficients of the solvers, in float64: moments of the exponential weight, and the quadratures built from them.</summary>
internal static class SolverWeights
{
    private static readonly double[][] AdamsBashforthTable =
    [
        [1],
        [3.0 / 2, -1.0 / 2],
        [23.0 / 12, -16.0 / 12, 5.0 / 12],
        [55.0 / 24, -59.0 / 24, 37.0 / 24, -9.0 / 24],
    ];

    /// <summary>I_k(H), the integral of H * exp(-H * (1 - u)) * u^k over u in [0, 1]; 1 for an infinite H.</summary>
    /// <remarks>I_0 = 1 - exp(-H) and I_k = 1 - k / H * I_(k-1); a series where that would cancel.</remarks>
    /// <param name="k">The power, at least 0.</param>
    /// <param name="h">H: negative in the noise form.</param>
    public static double Moment(int k, double h)
    {
        if (double.IsPositiveInfinity(h))
        {
            return 1;
        }

        if (Math.Abs(h) < 0.5 * (k + 1))
        {
            double term = h / (k + 1);
            double total = 0;
            for (int j = 1; j <= 60 && term != 0; j++)
            {
                total += term;
                term *= -h / (k + 1 + j);
            }

            return total;
        }

        double moment = -double.ExpM1(-h);
        for (int i = 1; i <= k; i++)
        {
            moment = 1 - (i / h * moment);
        }

        return moment;
    }

    /// <summary>
    /// The weights w with sum of w[j] * f(u[j]) = the integral of H * exp(-H * (1 - u)) * f(u), for every polynomial f of a degree below
    /// the number of nodes. With two nodes, <paramref name="slope"/> chooses the first moment.
    /// </summary>
    /// <param name="nodes">The nodes u: 0 where the step starts, 1 where it ends, negative before it.</param>
    /// <param name="h">H.</param>
    /// <param name="slope">The first moment of a rule of two nodes.</param>
    public static double[] Exponential(double[] nodes, double h, SolverSlope slope = SolverSlope.Exact)
    {
        double[] moments = [.. Enumerable.Range(0, nodes.Length).Select(k => Moment(k, h))];
        if (nodes.Length == 2)
        {
            moments[1] = slope switch
            {
                SolverSlope.HalfPhi => moments[0] / 2,
                SolverSlope.HalfStep => h / 2,
                _ => moments[1],
            };
        }

        return Fit(nodes, moments);
    }

    /// <summary>
    /// The weights of the published DPM-Solver++(3M): the second difference has half of its exact weight, so that the method is of second
    /// order, and often the better one in 15 to 60 steps.
    /// </summary>
    /// <param name="nodes">Three nodes, the first of them 0.</param>
    /// <param name="h">H.</param>
    public static double[] PublishedThird(double[] nodes, double h)
    {
        // With second divided difference f012, the interpolating polynomial is f0 + u * (f01 - u1 * f012) + u^2 * f012.
        (double u1, double u2) = (nodes[1], nodes[2]);
        double[] firstDifference = [-1 / u1, 1 / u1, 0];
        double[] second = [1 / (u1 * u2), 1 / (u1 * (u1 - u2)), -1 / (u2 * (u1 - u2))];
        (double m0, double m1, double m2) = (Moment(0, h), Moment(1, h), Moment(2, h) / 2);
        return [.. Enumerable.Range(0, 3).Select(j => (j == 0 ? m0 : 0) + (m1 * firstDifference[j]) + ((m2 - (m1 * u1)) * second[j]))];
    }

    /// <summary>
    /// The weights w with sum of w[j] * f(s[j]) = the integral of f from one place to another, for every polynomial f of a degree below
    /// the number of nodes (Adams-Bashforth with unequal steps).
    /// </summary>
    /// <param name="nodes">The nodes s.</param>
    /// <param name="from">Where the integral starts.</param>
    /// <param name="to">Where it ends.</param>
    public static double[] Lagrange(double[] nodes, double from, double to)
    {
        double width = to - from;
        double[] places = [.. nodes.Select(node => (node - from) / width)];
        return [.. Fit(places, [.. Enumerable.Range(0, nodes.Length).Select(k => 1.0 / (k + 1))]).Select(weight => weight * width)];
    }

    /// <summary>The weights of Adams-Bashforth with equal steps, the newest first.</summary>
    /// <param name="order">1 to 4.</param>
    public static double[] AdamsBashforth(int order) => AdamsBashforthTable[order - 1];

    // Solves sum of w[j] * u[j]^k = m[k] (Golub and Van Loan, Matrix Computations, algorithm 4.6.2).
    private static double[] Fit(double[] nodes, double[] moments)
    {
        double[] weights = [.. moments];
        int last = nodes.Length - 1;
        for (int k = 0; k < last; k++)
        {
            for (int i = last; i > k; i--)
            {
                weights[i] -= nodes[k] * weights[i - 1];
            }
        }

        for (int k = last - 1; k >= 0; k--)
        {
            for (int i = k + 1; i <= last; i++)
            {
                weights[i] /= nodes[i] - nodes[i - k - 1];
            }

            for (int i = k; i < last; i++)
            {
                weights[i] -= weights[i + 1];
            }
        }

        return weights;
    }
}
