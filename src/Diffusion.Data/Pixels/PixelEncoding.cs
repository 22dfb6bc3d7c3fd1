using System.Diagnostics.CodeAnalysis;

namespace Diffusion.Data;

/// <summary>How a source hands out the pixels of one image.</summary>
[SuppressMessage("Naming", "CA1720:Identifier contains type name", Justification = "The number type is the encoding.")]
public enum PixelEncoding
{
    /// <summary>Bytes <c>[H, W, C]</c> in 0..255, as files hold them; a reader maps them to [-1, 1].</summary>
    UInt8,

    /// <summary>float32 <c>[C, H, W]</c> in the machine's byte order, already in [-1, 1].</summary>
    Float32,
}
