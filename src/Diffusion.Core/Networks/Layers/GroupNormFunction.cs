using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion;

/// <summary>
/// Group normalisation with SiLU, or without, as one operation of libtorch's graph, by <see cref="GroupNormKernel{T}"/>. libtorch's own
/// are two operations, which keep one more tensor for the backward pass.
/// </summary>
/// <remarks>On the CPU; without gradients of gradients.</remarks>
internal sealed class GroupNormFunction : autograd.SingleTensorFunction<GroupNormFunction>
{
    // libtorch holds its own references by the time that this thread comes here again.
    [ThreadStatic]
    private static List<Tensor>? returned;

    public override string Name => nameof(GroupNormFunction);

    /// <summary>Whether the kernel computes this: the device and the element type decide.</summary>
    public static bool Fits(Tensor x) => x.device_type == DeviceType.CPU && x.dtype is ScalarType.Float32 or ScalarType.BFloat16;

    /// <summary>Normalises <c>[B, C, H, W]</c>; the result belongs to the caller.</summary>
    public static Tensor Apply(Tensor x, NormalizationLayer norm, bool activates)
    {
        // TorchSharp makes an empty tensor of the output's size, which the scope frees.
        using DisposeScope scope = NewDisposeScope();
        Settings settings = new(norm.Groups, norm.Epsilon, activates);
        Tensor result = NeedsGradient(x, norm)
            ? apply(x, norm.Weight, norm.Bias, settings)
            : Compute(x.contiguous(), norm.Weight, norm.Bias, settings).Result;
        return result.MoveToOuterDisposeScope();
    }

    public override Tensor forward(autograd.AutogradContext ctx, params object[] vars)
    {
        (Tensor x, Tensor weight, Tensor bias) = ((Tensor)vars[0], (Tensor)vars[1], (Tensor)vars[2]);
        Settings settings = (Settings)vars[3];
        Tensor images = x.contiguous();
        (Tensor result, Tensor statistics) = Compute(images, weight, bias, settings);
        ctx.save_for_backward([images, weight, bias, statistics]);
        ctx.save_data(nameof(Settings), settings);
        return result;
    }

    public override List<Tensor> backward(autograd.AutogradContext ctx, Tensor grad_output)
    {
        returned?.ForEach(gradient => gradient.Dispose());
        using DisposeScope scope = NewDisposeScope();
        using Tensor given = grad_output;
        List<Tensor> saved = ctx.get_saved_variables();
        (Tensor images, Tensor weight, Tensor bias, Tensor statistics) = (saved[0], saved[1], saved[2], saved[3]);
        Settings settings = (Settings)ctx.get_data(nameof(Settings));
        Tensor gradient = empty_like(images);
        Tensor sums = empty([2, images.shape[0], images.shape[1]]); // of weight and bias, of each image
        GroupNormCall call = new(settings.Shape(images), images, gradient, weight, bias, statistics);
        call.Backward(given.contiguous(), sums);
        Tensor summed = sums.sum(1).to(weight.dtype); // [2, C]
        List<Tensor> gradients = [gradient, summed.select(0, 0), summed.select(0, 1)];
        gradients.ForEach(one => one.MoveToOuterDisposeScope().DetachFromDisposeScope());
        returned = gradients;
        return [.. gradients, null!]; // the settings have none
    }

    private static bool NeedsGradient(Tensor x, NormalizationLayer norm) =>
        is_grad_enabled() && (x.requires_grad || norm.Weight.requires_grad || norm.Bias.requires_grad);

    // With the statistics for the backward pass.
    private static (Tensor Result, Tensor Statistics) Compute(Tensor images, Tensor weight, Tensor bias, Settings settings)
    {
        Tensor statistics = empty([2, images.shape[0], settings.Groups]);
        Tensor result = empty_like(images);
        new GroupNormCall(settings.Shape(images), images, result, weight, bias, statistics).Forward();
        return (result, statistics);
    }

    private sealed record Settings(int Groups, double Epsilon, bool Activates)
    {
        public GroupNormShape Shape(Tensor images) => new(
            (int)images.shape[0], (int)images.shape[1], (int)(images.shape[2] * images.shape[3]), Groups, Epsilon, Activates);
    }
}
