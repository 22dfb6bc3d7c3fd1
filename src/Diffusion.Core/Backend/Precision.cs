using System.Diagnostics.CodeAnalysis;

namespace Diffusion;

/// <summary>
/// The number format in which a network computes while it trains. Its weights, their gradients, averages and optimizer state are float32
/// in each of them, and so are noise, loss and checkpoints.
/// </summary>
[SuppressMessage("Naming", "CA1720:Identifier contains type name", Justification = "The number type is the precision.")]
public enum Precision
{
    /// <summary>32 bits: 8 of exponent, 23 of fraction.</summary>
    Float32,

    /// <summary>
    /// 16 bits with the range of float32: 8 of exponent, 7 of fraction. Half the memory for activations. Processors with instructions
    /// for it (AVX-512 BF16, AMX, NVIDIA Ampere and later) may be faster; others are slower.
    /// </summary>
    BFloat16,

    /// <summary>Whichever of the others a short measurement finds to be the fastest on the device (<see cref="PrecisionSpeed"/>).</summary>
    Best,
}
