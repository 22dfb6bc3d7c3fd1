using System.Runtime.Intrinsics;

namespace Diffusion;

/// <summary>Values in float32.</summary>
internal readonly unsafe struct Float32Element : IElement
{
    public static int Size => sizeof(float);

    public static Vector512<float> Load(byte* address) => Vector512.Load((float*)address);

    public static Vector512<float> LoadPart(byte* address, int count)
    {
        float* values = stackalloc float[Vector512<float>.Count]; // zero
        new ReadOnlySpan<float>(address, count).CopyTo(new Span<float>(values, count));
        return Load((byte*)values);
    }

    public static void Store(byte* address, Vector512<float> values) => values.Store((float*)address);

    public static void StorePart(byte* address, Vector512<float> values, int count)
    {
        float* all = stackalloc float[Vector512<float>.Count];
        Store((byte*)all, values);
        new ReadOnlySpan<float>(all, count).CopyTo(new Span<float>(address, count));
    }
}
