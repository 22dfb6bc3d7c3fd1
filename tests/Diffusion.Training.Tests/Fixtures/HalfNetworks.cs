namespace Diffusion.Training.Tests;

/// <summary>Where networks with convolutions can be tested in 16 bits.</summary>
internal static class HalfNetworks
{
    /// <summary>Skips a test on a processor on which libtorch's convolutions are wrong in a precision.</summary>
    public static void Require(Precision precision) => Assert.SkipUnless(
        precision is Precision.Float32 or Precision.Best || ComputeDevice.Cpu().Supports(precision),
        $"libtorch's convolutions in {precision} are wrong on this processor.");
}
