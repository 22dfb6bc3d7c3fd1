using System.Runtime.Intrinsics;

namespace Diffusion;

/// <summary>How neighbouring values of a tensor are read and written, sixteen at a time; arithmetic is in float32.</summary>
internal unsafe interface IElement
{
    /// <summary>Bytes of one value.</summary>
    static abstract int Size { get; }

    /// <summary>Reads sixteen values.</summary>
    static abstract Vector512<float> Load(byte* address);

    /// <summary>Reads fewer than sixteen values; the others are zero.</summary>
    static abstract Vector512<float> LoadPart(byte* address, int count);

    /// <summary>Writes sixteen values, rounded to nearest.</summary>
    static abstract void Store(byte* address, Vector512<float> values);

    /// <summary>Writes the first of the values, fewer than sixteen, rounded to nearest.</summary>
    static abstract void StorePart(byte* address, Vector512<float> values, int count);
}
