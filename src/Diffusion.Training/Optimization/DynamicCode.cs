namespace Diffusion.Training;

/// <summary>
/// The 256 numbers of dynamic quantization (Dettmers 2016; Dettmers et al. 2022, section 2): the leading zeros of a byte are a power of
/// ten, the rest divides the range evenly, so that numbers of seven magnitudes have a code. Unsigned numbers have no 0, so that no second
/// moment is rounded to 0 and divided by (Li et al. 2023, section 4.1).
/// </summary>
internal static class DynamicCode
{
    private const int Exponents = 7;

    /// <summary>256 numbers from -1 to 1, in order.</summary>
    public static float[] Signed { get; } = Table(isSigned: true);

    /// <summary>255 numbers above 0 and up to 1, in order.</summary>
    public static float[] Unsigned { get; } = Table(isSigned: false);

    /// <summary>The limits between neighboring numbers: a number belongs to the nearest code.</summary>
    public static float[] Between(float[] table) => [.. table.Zip(table.Skip(1), (low, high) => (float)(((double)low + high) / 2))];

    /// <summary>The code of 0, or of the number closest to it.</summary>
    public static byte ZeroOf(float[] table) => (byte)Array.IndexOf(table, table.MinBy(Math.Abs));

    // Each power of ten has twice as many steps as the one below it: 1, 2, 4, ..., 64 with a sign, 2, 4, ..., 128 without.
    private static float[] Table(bool isSigned)
    {
        List<double> numbers = isSigned ? [0, 1] : [1];
        for (int exponent = 0; exponent < Exponents; exponent++)
        {
            int steps = 1 << (isSigned ? exponent : exponent + 1);
            for (int step = 0; step < steps; step++)
            {
                double middle = 0.1 + (0.9 * (step + 0.5) / steps);
                double number = middle * Math.Pow(10, exponent - Exponents + 1);
                numbers.Add(number);
                if (isSigned)
                {
                    numbers.Add(-number);
                }
            }
        }

        return [.. numbers.Select(number => (float)number).Order()];
    }
}
