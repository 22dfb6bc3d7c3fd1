using System.Diagnostics.CodeAnalysis;

namespace Diffusion.Data;

/// <summary>The encoding of the pixels of an image.</summary>
[SuppressMessage("Naming", "CA1720:Identifier contains type name", Justification = "The number type is the encoding.")]
public enum PixelEncoding
{
    /// <summary>Bytes <c>[H, W, C]</c> in 0..255, as in files; converted to [-1, 1] for training.</summary>
    UInt8,

    /// <summary>float32 <c>[C, H, W]</c> in the machine's byte order, already in [-1, 1].</summary>
    Float32,
}
