using System.Diagnostics.CodeAnalysis;

namespace Diffusion;

/// <summary>
/// The number format in which a network computes while it trains. Its weights, their gradients, averages and optimizer state are float32
/// in each of them, and so are noise, loss and checkpoints.
/// </summary>
[SuppressMessage("Naming", "CA1720:Identifier contains type name", Justification = "The number type is the precision.")]
public enum Precision
{
    /// <summary>
    /// 32 bits: 8 of exponent, 23 of fraction. On an NVIDIA GPU too: a training in it switches TF32 off, in which libtorch otherwise
    /// computes convolutions from Ampere on. That is exact, but slower there: <see cref="TensorFloat32"/>, <see cref="BFloat16"/> or
    /// <see cref="Best"/> use the hardware for it.
    /// </summary>
    Float32,

    /// <summary>
    /// Float32, of which the convolutions and matrix products of an NVIDIA GPU (Ampere and later) read only 10 bits of fraction, and add up
    /// in float32: NVIDIA's TF32. Weights and activations take as much memory as in float32. Earlier GPUs compute as in
    /// <see cref="Float32"/>.
    /// </summary>
    /// <remarks>libtorch has one switch for the whole process, so two trainings at once must both use it, or neither.</remarks>
    TensorFloat32,

    /// <summary>
    /// 16 bits with the range of float32: 8 of exponent, 7 of fraction. Half the memory for activations. Processors with instructions
    /// for it (AVX-512 BF16, AMX, NVIDIA Ampere and later) may be faster; others are slower.
    /// </summary>
    BFloat16,

    /// <summary>
    /// 16 bits with a small range: 5 of exponent, 10 of fraction, from 6e-8 to 65,504. Half the memory for activations. For NVIDIA GPUs
    /// before Ampere, which are slow in bfloat16; processors can compute in it, slowly. The loss is multiplied by a scale, so that small
    /// gradients do not become zero, and steps whose gradients overflow are skipped (Micikevicius et al. 2018, Mixed precision training).
    /// </summary>
    Float16,

    /// <summary>Whichever of the others a short measurement finds to be the fastest on the device (<see cref="PrecisionSpeed"/>).</summary>
    Best,
}
