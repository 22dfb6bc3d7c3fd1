using static TorchSharp.torch;

namespace Diffusion;

/// <summary>Runs <see cref="GroupNormKernel{T}"/> over all groups of all images on libtorch's threads.</summary>
/// <param name="shape">The sizes.</param>
/// <param name="input">The images, <c>[N, C, H, W]</c>, contiguous, float32 or bfloat16.</param>
/// <param name="output">Forward the result, backward the gradient of the images; like the input.</param>
/// <param name="weight">The weight of each channel, <c>[C]</c>, in any type.</param>
/// <param name="bias">The bias of each channel, <c>[C]</c>, in any type.</param>
/// <param name="statistics">
/// Means and 1 / deviations, <c>[2, N, G]</c>, float32: written forward, read backward.
/// </param>
internal sealed unsafe class GroupNormCall(
    GroupNormShape shape, Tensor input, Tensor output, Tensor weight, Tensor bias, Tensor statistics)
{
    private readonly Tensor wideWeight = weight.to(ScalarType.Float32);
    private readonly Tensor wideBias = bias.to(ScalarType.Float32);

    /// <summary>Computes the result and the statistics.</summary>
    public void Forward()
    {
        GroupNormMemory memory = Memory();
        CpuTeam.Run(shape.Images * shape.Groups, input.dtype == ScalarType.BFloat16
            ? index => GroupNormKernel<BFloat16Element>.Forward(shape, memory, index)
            : index => GroupNormKernel<Float32Element>.Forward(shape, memory, index));
        GC.KeepAlive(this);
    }

    /// <summary>Computes the gradient of the images, and of each image the summands of the gradients of weight and bias.</summary>
    /// <param name="outputGradient">The gradient of the result, like the input.</param>
    /// <param name="sums">Those of the weight, then those of the bias, <c>[2, N, C]</c>, float32.</param>
    public void Backward(Tensor outputGradient, Tensor sums)
    {
        float* perChannel = (float*)TensorAddress.Of(sums);
        GroupNormMemory memory = Memory() with
        {
            OutputGradient = (byte*)TensorAddress.Of(outputGradient),
            WeightSums = perChannel,
            BiasSums = perChannel + ((nint)shape.Images * shape.Channels),
        };
        CpuTeam.Run(shape.Images * shape.Groups, input.dtype == ScalarType.BFloat16
            ? index => GroupNormKernel<BFloat16Element>.Backward(shape, memory, index)
            : index => GroupNormKernel<Float32Element>.Backward(shape, memory, index));
        GC.KeepAlive(outputGradient);
        GC.KeepAlive(sums);
        GC.KeepAlive(this);
    }

    private GroupNormMemory Memory()
    {
        float* mean = (float*)TensorAddress.Of(statistics);
        return new GroupNormMemory
        {
            Input = (byte*)TensorAddress.Of(input),
            Output = (byte*)TensorAddress.Of(output),
            Weight = (float*)TensorAddress.Of(wideWeight),
            Bias = (float*)TensorAddress.Of(wideBias),
            Mean = mean,
            InverseDeviation = mean + ((nint)shape.Images * shape.Groups),
        };
    }
}
