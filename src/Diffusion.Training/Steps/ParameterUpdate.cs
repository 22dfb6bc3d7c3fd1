using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Training;

/// <summary>
/// What happens once the gradients of a whole batch are there: clip, optimizer, average, zero; each one operator over a flat buffer.
/// A step whose gradients are not finite changes nothing and is counted. Nothing here waits for the device.
/// </summary>
public sealed class ParameterUpdate : IDisposable
{
    private readonly FlatParameters parameters;
    private readonly IOptimizer optimizer;
    private readonly IReadOnlyList<EmaWrapper> averages;
    private readonly double? clip;
    private readonly double? largest;

    /// <summary>Joins the parts; they stay the caller's.</summary>
    /// <param name="parameters">What is updated.</param>
    /// <param name="optimizer">By which rule.</param>
    /// <param name="averages">The averages that follow; none if empty.</param>
    /// <param name="clip">The largest gradient norm; 0.5 to 2 is usual. Null for no clipping.</param>
    /// <param name="largest">A step with a larger gradient norm is skipped. Null, the default, for no limit.</param>
    public ParameterUpdate(FlatParameters parameters, IOptimizer optimizer, IReadOnlyList<EmaWrapper> averages, double? clip,
        double? largest = null)
    {
        ArgumentNullException.ThrowIfNull(parameters);
        ArgumentNullException.ThrowIfNull(optimizer);
        ArgumentNullException.ThrowIfNull(averages);
        this.parameters = parameters;
        this.optimizer = optimizer;
        this.averages = averages;
        this.clip = clip;
        this.largest = largest;
        Device device = parameters.Values.device;
        GradientNorm = zeros([], ScalarType.Float32, device).DetachFromDisposeScope();
        Skipped = zeros([], ScalarType.Float32, device).DetachFromDisposeScope();
        SkippedInARow = zeros([], ScalarType.Float32, device).DetachFromDisposeScope();
    }

    /// <summary>
    /// The gradient norm of the last step before clipping, float32 scalar on the device. Reading it waits for the device.
    /// </summary>
    public Tensor GradientNorm { get; }

    /// <summary>How many steps were skipped for gradients that are not finite, float32 scalar on the device.</summary>
    public Tensor Skipped { get; }

    /// <summary>How many of the last steps were skipped one after the other, float32 scalar on the device.</summary>
    public Tensor SkippedInARow { get; }

    /// <summary>Updates parameters and average from the gradients, and zeroes the gradients.</summary>
    /// <param name="step">The number of this optimizer step, from 1.</param>
    /// <param name="learningRate">Its learning rate.</param>
    public void Apply(long step, double learningRate)
    {
        using IDisposable noGradients = no_grad();
        using DisposeScope scope = NewDisposeScope();
        using GradientNorm norm = new(parameters, clip, largest);
        optimizer.Update(learningRate, norm.Divisor, norm.Skip);
        foreach (EmaWrapper average in averages)
        {
            average.Update(step, norm.Skip);
        }

        parameters.Gradients.zero_();

        GradientNorm.copy_(norm.Norm);
        Skipped.add_(norm.Skip);
        SkippedInARow.add_(norm.Skip).mul_(norm.Skip);
    }

    /// <summary>Frees the counters.</summary>
    public void Dispose()
    {
        GradientNorm.Dispose();
        Skipped.Dispose();
        SkippedInARow.Dispose();
    }
}
