using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion;

/// <summary>softmax(scale x) over the last dimension as one operation of libtorch's graph, by <see cref="SoftmaxKernel{T}"/>.</summary>
/// <remarks>On the CPU; without gradients of gradients.</remarks>
internal sealed unsafe class SoftmaxFunction : autograd.SingleTensorFunction<SoftmaxFunction>
{
    private const int Lanes = 16;
    private const int MaxLength = 4096; // a row lies on the stack
    private const int RowsOfTask = 64;

    // libtorch holds its own reference by the time that this thread comes here again.
    [ThreadStatic]
    private static Tensor? returned;

    public override string Name => nameof(SoftmaxFunction);

    /// <summary>Applies it; the result belongs to the caller.</summary>
    /// <param name="x">Any shape, contiguous.</param>
    /// <param name="scale">What x is multiplied by; positive.</param>
    public static Tensor Apply(Tensor x, double scale)
    {
        if (x.device_type != DeviceType.CPU || x.dtype is not (ScalarType.Float32 or ScalarType.BFloat16)
            || x.shape[^1] % Lanes != 0 || x.shape[^1] > MaxLength || !x.is_contiguous())
        {
            using Tensor scaled = x.Times(scale);
            return scaled.softmax(-1);
        }

        // TorchSharp makes an empty tensor of the output's size, which the scope frees.
        using DisposeScope scope = NewDisposeScope();
        Tensor y = is_grad_enabled() && x.requires_grad ? apply(x, (float)scale) : Compute(x, (float)scale);
        return y.MoveToOuterDisposeScope();
    }

    public override Tensor forward(autograd.AutogradContext ctx, params object[] vars)
    {
        (Tensor x, float scale) = ((Tensor)vars[0], (float)vars[1]);
        Tensor y = Compute(x, scale);
        ctx.save_for_backward([y.detach()]); // The result itself would hold the graph that holds it.
        ctx.save_data(nameof(scale), scale);
        return y;
    }

    public override List<Tensor> backward(autograd.AutogradContext ctx, Tensor grad_output)
    {
        returned?.Dispose();
        using DisposeScope scope = NewDisposeScope();
        using Tensor given = grad_output;
        Tensor y = ctx.get_saved_variables()[0];
        Tensor gradient = given.contiguous();
        Tensor dx = empty_like(y);
        float scale = (float)ctx.get_data(nameof(scale));
        byte* from = (byte*)TensorAddress.Of(y);
        byte* of = (byte*)TensorAddress.Of(gradient);
        byte* to = (byte*)TensorAddress.Of(dx);
        int length = (int)y.shape[^1];
        ForRows(
            y,
            row => SoftmaxKernel<Float32Element>.Backward(from + row, of + row, to + row, length, scale),
            row => SoftmaxKernel<BFloat16Element>.Backward(from + row, of + row, to + row, length, scale));
        GC.KeepAlive(gradient);
        returned = dx.MoveToOuterDisposeScope().DetachFromDisposeScope();
        return [returned, null!]; // the scale has none
    }

    private static Tensor Compute(Tensor x, float scale)
    {
        Tensor y = empty_like(x);
        byte* from = (byte*)TensorAddress.Of(x);
        byte* to = (byte*)TensorAddress.Of(y);
        int length = (int)x.shape[^1];
        ForRows(
            x,
            row => SoftmaxKernel<Float32Element>.Forward(from + row, to + row, length, scale),
            row => SoftmaxKernel<BFloat16Element>.Forward(from + row, to + row, length, scale));
        GC.KeepAlive(y);
        return y;
    }

    // The place of each row in bytes.
    private static void ForRows(Tensor x, Action<nint> wide, Action<nint> narrow)
    {
        nint rows = (nint)(x.numel() / x.shape[^1]);
        nint bytes = (nint)(x.shape[^1] * x.element_size());
        Action<nint> body = x.dtype == ScalarType.BFloat16 ? narrow : wide;
        CpuTeam.Run((int)((rows + RowsOfTask - 1) / RowsOfTask), task =>
        {
            nint end = Math.Min(rows, (task + 1) * (nint)RowsOfTask);
            for (nint row = task * (nint)RowsOfTask; row < end; row++)
            {
                body(row * bytes);
            }
        });
        GC.KeepAlive(x);
    }
}
