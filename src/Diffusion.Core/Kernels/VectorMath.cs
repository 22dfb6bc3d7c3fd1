using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Diffusion;

/// <summary>Functions of sixteen values, to about 2 units in the last place.</summary>
internal static class VectorMath
{
    // Beyond these exp(-x) leaves float32.
    private const float Limit = 87;
    private const float Log2E = 1.44269504f;

    // The logarithm of 2 in two parts, the first exact in a few bits (Cody and Waite 1980).
    private const float Ln2High = 0.693359375f;
    private const float Ln2Low = -2.12194440e-4f;

    /// <summary>1 / (1 + exp(-x)).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Sigmoid(Vector512<float> x) => Vector512<float>.One / (Vector512<float>.One + Exp(-x));

    /// <summary>exp(x), of x between -87 and 87: beyond, that of the nearest of these. NaN stays NaN.</summary>
    /// <remarks>
    /// exp(x) = 2^n exp(r) with r within half the logarithm of 2 of zero; the polynomial is that of Cephes (Moshier 1989, expf).
    /// </remarks>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Exp(Vector512<float> x)
    {
        // The second operand is returned where one is NaN.
        x = Vector512.MinNative(Vector512.Create(Limit), Vector512.MaxNative(Vector512.Create(-Limit), x));
        Vector512<float> n = Vector512.Round(x * Vector512.Create(Log2E));
        Vector512<float> r = Vector512.MultiplyAddEstimate(n, Vector512.Create(-Ln2High), x);
        r = Vector512.MultiplyAddEstimate(n, Vector512.Create(-Ln2Low), r);
        Vector512<float> p = Vector512.Create(1.9875691500e-4f);
        p = Vector512.MultiplyAddEstimate(p, r, Vector512.Create(1.3981999507e-3f));
        p = Vector512.MultiplyAddEstimate(p, r, Vector512.Create(8.3334519073e-3f));
        p = Vector512.MultiplyAddEstimate(p, r, Vector512.Create(4.1665795894e-2f));
        p = Vector512.MultiplyAddEstimate(p, r, Vector512.Create(1.6666665459e-1f));
        p = Vector512.MultiplyAddEstimate(p, r, Vector512.Create(5.0000001201e-1f));
        p = Vector512.MultiplyAddEstimate(p, r * r, r) + Vector512<float>.One;
        Vector512<int> exponent = Vector512.ConvertToInt32Native(n) << 23;
        return (p.AsInt32() + exponent).AsSingle();
    }
}
