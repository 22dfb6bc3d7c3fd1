using System.Runtime.InteropServices;

namespace Diffusion;

/// <summary>The functions of libturbojpeg, version 2 or later, if the machine has it.</summary>
internal static unsafe class TurboJpeg
{
    private static readonly nint Library = Load();
    private static readonly delegate* unmanaged<nint> InitDecompress = (delegate* unmanaged<nint>)Export("tjInitDecompress");
    private static readonly delegate* unmanaged<nint, int> Destroy = (delegate* unmanaged<nint, int>)Export("tjDestroy");

    private static readonly delegate* unmanaged<nint, byte*, CULong, int*, int*, int*, int*, int> DecompressHeader =
        (delegate* unmanaged<nint, byte*, CULong, int*, int*, int*, int*, int>)Export("tjDecompressHeader3");

    private static readonly delegate* unmanaged<nint, byte*, CULong, byte*, int, int, int, int, int, int> Decompress =
        (delegate* unmanaged<nint, byte*, CULong, byte*, int, int, int, int, int, int>)Export("tjDecompress2");

    private static readonly delegate* unmanaged<int*, ScalingFactor*> GetScalingFactors =
        (delegate* unmanaged<int*, ScalingFactor*>)Export("tjGetScalingFactors");

    /// <summary>What a JPEG's numbers mean.</summary>
    public enum ColorSpace
    {
        /// <summary>Luma and two color differences: nearly every photograph.</summary>
        YCbCr = 1,

        /// <summary>One channel.</summary>
        Gray = 2,
    }

    /// <summary>The library's numbers for pixel formats.</summary>
    public enum PixelFormat
    {
        /// <summary>Three bytes.</summary>
        Rgb = 0,

        /// <summary>One byte.</summary>
        Gray = 6,
    }

    /// <summary>Whether the library was found with all functions that are needed.</summary>
    public static bool IsAvailable { get; } =
        InitDecompress != null && Destroy != null && DecompressHeader != null && Decompress != null && ScalesByEighths();

    /// <summary>Creates a decoder, for one thread at a time; 0 if there is no memory for it.</summary>
    public static nint Create() => InitDecompress();

    /// <summary>Frees a decoder.</summary>
    public static void Free(nint decoder) => Destroy(decoder);

    /// <summary>Reads the header; false when something is wrong with it.</summary>
    public static bool TryReadHeader(nint decoder, byte* file, int length, out int width, out int height, out ColorSpace colors)
    {
        int subsampling;
        int space;
        int storedWidth;
        int storedHeight;
        bool read = DecompressHeader(decoder, file, new CULong((uint)length), &storedWidth, &storedHeight, &subsampling, &space) == 0;
        (width, height, colors) = (storedWidth, storedHeight, (ColorSpace)space);
        return read;
    }

    /// <summary>
    /// Decodes with the exact inverse transform; false after any error or warning. A size below the stored one selects the scale.
    /// </summary>
    public static bool TryDecode(nint decoder, byte* file, int length, byte* pixels, int width, int height, PixelFormat format)
    {
        const int AccurateTransform = 4096;
        return Decompress(decoder, file, new CULong((uint)length), pixels, width, 0, height, (int)format, AccurateTransform) == 0;
    }

    private static nint Load()
    {
        foreach (string name in (string[])["libturbojpeg.so.0", "libturbojpeg.so", "libturbojpeg.dylib", "turbojpeg.dll",
            "libturbojpeg.dll"])
        {
            if (NativeLibrary.TryLoad(name, typeof(TurboJpeg).Assembly, searchPath: null, out nint library))
            {
                return library;
            }
        }

        return 0;
    }

    private static nint Export(string name) => Library != 0 && NativeLibrary.TryGetExport(Library, name, out nint function) ? function : 0;

    // Otherwise a reduced image could be smaller than the memory that is read.
    private static bool ScalesByEighths()
    {
        if (GetScalingFactors == null)
        {
            return false;
        }

        int count;
        ScalingFactor* factors = GetScalingFactors(&count);
        ReadOnlySpan<ScalingFactor> all = factors == null ? default : new(factors, count);
        return all.Contains(new(1, 2)) && all.Contains(new(1, 4)) && all.Contains(new(1, 8));
    }

    [StructLayout(LayoutKind.Sequential)]
    private readonly record struct ScalingFactor(int Numerator, int Denominator);
}
