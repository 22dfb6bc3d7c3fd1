using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Diffusion;

/// <summary>Values in bfloat16: the upper half of a float32.</summary>
internal readonly unsafe struct BFloat16Element : IElement
{
    private const uint QuietNaN = 0x7FC0;

    public static int Size => sizeof(ushort);

    public static Vector512<float> Load(byte* address)
    {
        Vector256<ushort> halves = Vector256.Load((ushort*)address);
        Vector512<uint> wide = Avx512F.IsSupported
            ? Avx512F.ConvertToVector512UInt32(halves)
            : Vector512.Create(Vector256.WidenLower(halves), Vector256.WidenUpper(halves));
        return (wide << 16).AsSingle();
    }

    public static Vector512<float> LoadPart(byte* address, int count)
    {
        ushort* values = stackalloc ushort[Vector512<float>.Count]; // zero
        new ReadOnlySpan<ushort>(address, count).CopyTo(new Span<ushort>(values, count));
        return Load((byte*)values);
    }

    public static void Store(byte* address, Vector512<float> values)
    {
        Vector512<uint> bits = values.AsUInt32();

        // To nearest, ties to even. The addition would turn a NaN into another value.
        Vector512<uint> rounded = (bits + Vector512.Create(0x7FFFu) + ((bits >> 16) & Vector512<uint>.One)) >> 16;
        rounded = Vector512.ConditionalSelect(Vector512.IsNaN(values).AsUInt32(), Vector512.Create(QuietNaN), rounded);
        Vector256<ushort> halves = Avx512F.IsSupported
            ? Avx512F.ConvertToVector256UInt16(rounded)
            : Vector256.Narrow(rounded.GetLower(), rounded.GetUpper());
        halves.Store((ushort*)address);
    }

    public static void StorePart(byte* address, Vector512<float> values, int count)
    {
        ushort* all = stackalloc ushort[Vector512<float>.Count];
        Store((byte*)all, values);
        new ReadOnlySpan<ushort>(all, count).CopyTo(new Span<ushort>(address, count));
    }
}
