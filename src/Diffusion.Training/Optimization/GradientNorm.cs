using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Training;

/// <summary>
/// The norm of all gradients together, and what follows from it, decided on the device: by how much to divide them (clipping by global
/// norm, Pascanu et al. 2013, and the loss scale of float16), and whether they are finite at all.
/// </summary>
internal sealed class GradientNorm : IDisposable
{
    /// <summary>Measures the gradients as they are now.</summary>
    /// <param name="parameters">The parameters whose gradients are meant.</param>
    /// <param name="clip">The norm that larger ones are clipped to, or null for no clipping.</param>
    /// <param name="maxNorm">The largest norm that is used at all, or null for no limit.</param>
    public GradientNorm(FlatParameters parameters, double? clip, double? maxNorm = null)
    {
        ArgumentNullException.ThrowIfNull(parameters);
        using IDisposable noGradients = no_grad();
        using DisposeScope scope = NewDisposeScope();
        Tensor trained = parameters.Gradients.narrow(0, 0, parameters.TrainedLength);
        Tensor scaled = SumOfSquares.Of(trained).sqrt().to(ScalarType.Float32); // []
        Tensor norm = parameters.LossScale is { } scale ? scaled / scale.Value : scaled;
        Tensor divisor = clip is { } limit ? norm.DividedBy(limit).AtLeast(1) : ones_like(norm);
        Tensor usable = maxNorm is { } max ? norm.IsWithin(max) : norm.isfinite();
        Overflow = norm.isfinite().logical_not().to(ScalarType.Float32).MoveToOuterDisposeScope();
        Skip = usable.logical_not().to(ScalarType.Float32).MoveToOuterDisposeScope();
        Norm = norm.MoveToOuterDisposeScope();
        Divisor = (parameters.LossScale is { } factor ? divisor * factor.Value : divisor).MoveToOuterDisposeScope();
    }

    /// <summary>The L2 norm before clipping, without the loss scale, float32 scalar on the device.</summary>
    public Tensor Norm { get; }

    /// <summary>What the gradients are divided by, float32 scalar on the device; at least 1.</summary>
    public Tensor Divisor { get; }

    /// <summary>
    /// 1 where a gradient is infinite or not a number, or the norm is beyond its limit, so that this step must change nothing, else 0;
    /// float32 scalar on the device.
    /// </summary>
    public Tensor Skip { get; }

    /// <summary>1 where a gradient is infinite or not a number, else 0; float32 scalar on the device.</summary>
    public Tensor Overflow { get; }

    /// <summary>Frees the scalars.</summary>
    public void Dispose()
    {
        Norm.Dispose();
        Divisor.Dispose();
        Overflow.Dispose();
        Skip.Dispose();
    }
}
