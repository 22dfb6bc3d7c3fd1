namespace Diffusion.Training;

/// <summary>Solves square systems of linear equations in float64.</summary>
internal static class LinearSystem
{
    /// <summary>Solves matrix x = right by Gaussian elimination with row pivoting, then corrects x once by its residual.</summary>
    /// <param name="matrix">A regular matrix, n x n. It is not changed.</param>
    /// <param name="right">The right-hand side, n numbers. It is not changed.</param>
    /// <returns>x.</returns>
    public static double[] Solve(double[,] matrix, double[] right)
    {
        double[] solution = Eliminate(matrix, right);
        double[] residual = [.. right.Select((value, row) => value - Product(matrix, row, solution))];
        return [.. solution.Zip(Eliminate(matrix, residual), (value, correction) => value + correction)];
    }

    private static double Product(double[,] matrix, int row, double[] vector)
    {
        double sum = 0;
        for (int column = 0; column < vector.Length; column++)
        {
            sum = Math.FusedMultiplyAdd(matrix[row, column], vector[column], sum);
        }

        return sum;
    }

    private static double[] Eliminate(double[,] matrix, double[] right)
    {
        double[,] a = (double[,])matrix.Clone();
        double[] x = (double[])right.Clone();
        int count = x.Length;
        for (int k = 0; k < count; k++)
        {
            int pivot = Enumerable.Range(k, count - k).MaxBy(row => Math.Abs(a[row, k]));
            Swap(a, x, k, pivot);
            for (int row = k + 1; row < count; row++)
            {
                double factor = a[row, k] / a[k, k];
                for (int column = k; column < count; column++)
                {
                    a[row, column] -= factor * a[k, column];
                }

                x[row] -= factor * x[k];
            }
        }

        for (int k = count - 1; k >= 0; k--)
        {
            for (int column = k + 1; column < count; column++)
            {
                x[k] -= a[k, column] * x[column];
            }

            x[k] /= a[k, k];
        }

        return x;
    }

    private static void Swap(double[,] a, double[] x, int one, int other)
    {
        (x[one], x[other]) = (x[other], x[one]);
        for (int column = 0; column < x.Length; column++)
        {
            (a[one, column], a[other, column]) = (a[other, column], a[one, column]);
        }
    }
}
