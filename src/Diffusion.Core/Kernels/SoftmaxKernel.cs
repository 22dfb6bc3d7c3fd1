using System.Runtime.Intrinsics;

namespace Diffusion;

/// <summary>y = exp(scale x) / sum over the row of exp(scale x), of rows whose length is a multiple of 16.</summary>
internal static unsafe class SoftmaxKernel<T>
    where T : struct, IElement
{
    private const int Lanes = 16;

    /// <summary>Computes one row; the scale is positive.</summary>
    public static void Forward(byte* x, byte* y, int length, float scale)
    {
        Vector512<float> max = Vector512.Create(float.NegativeInfinity);
        for (int i = 0; i < length; i += Lanes)
        {
            max = Vector512.Max(max, T.Load(x + (i * T.Size)));
        }

        Vector512<float> largest = Vector512.Create(Max(max));
        Vector512<float> factor = Vector512.Create(scale);
        Vector512<float> sum = Vector512<float>.Zero;
        float* powers = stackalloc float[length];
        for (int i = 0; i < length; i += Lanes)
        {
            Vector512<float> power = VectorMath.Exp((T.Load(x + (i * T.Size)) - largest) * factor);
            power.Store(powers + i);
            sum += power;
        }

        Vector512<float> share = Vector512.Create(1 / Vector512.Sum(sum));
        for (int i = 0; i < length; i += Lanes)
        {
            T.Store(y + (i * T.Size), Vector512.Load(powers + i) * share);
        }
    }

    /// <summary>Computes one row of dx = scale y (dy - sum over the row of y dy).</summary>
    public static void Backward(byte* y, byte* dy, byte* dx, int length, float scale)
    {
        Vector512<float> products = Vector512<float>.Zero;
        for (int i = 0; i < length; i += Lanes)
        {
            products = Vector512.MultiplyAddEstimate(T.Load(y + (i * T.Size)), T.Load(dy + (i * T.Size)), products);
        }

        Vector512<float> product = Vector512.Create(Vector512.Sum(products));
        Vector512<float> factor = Vector512.Create(scale);
        for (int i = 0; i < length; i += Lanes)
        {
            T.Store(dx + (i * T.Size), T.Load(y + (i * T.Size)) * (T.Load(dy + (i * T.Size)) - product) * factor);
        }
    }

    private static float Max(Vector512<float> values)
    {
        float max = values[0];
        for (int i = 1; i < Lanes; i++)
        {
            max = MathF.Max(max, values[i]); // NaN stays NaN
        }

        return max;
    }
}
