using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Training;

/// <summary>
/// Updates the parameters from the gradients of a complete batch: clip, optimizer, average, zero. Each is one operator over a flat buffer.
/// A step whose gradients are not finite, or whose gradient norm is above its limit, changes nothing and is counted. In float16, gradients
/// that are not finite also halve the loss scale. Nothing here waits for the device.
/// </summary>
public sealed class ParameterUpdate : IDisposable
{
    private readonly FlatParameters parameters;
    private readonly IOptimizer optimizer;
    private readonly IReadOnlyList<EmaWrapper> averages;
    private readonly double? clip;
    private readonly double? maxGradientNorm;

    /// <summary>Combines the parts, which the caller owns.</summary>
    /// <param name="parameters">The parameters to update.</param>
    /// <param name="optimizer">The optimizer.</param>
    /// <param name="averages">The averages to update; may be empty.</param>
    /// <param name="clip">The maximum gradient norm; 0.5 to 2 is usual. Null for no clipping.</param>
    /// <param name="maxGradientNorm">Steps with a larger gradient norm are skipped. Null, the default, for no limit.</param>
    public ParameterUpdate(FlatParameters parameters, IOptimizer optimizer, IReadOnlyList<EmaWrapper> averages, double? clip,
        double? maxGradientNorm = null)
    {
        ArgumentNullException.ThrowIfNull(parameters);
        ArgumentNullException.ThrowIfNull(optimizer);
        ArgumentNullException.ThrowIfNull(averages);
        this.parameters = parameters;
        this.optimizer = optimizer;
        this.averages = averages;
        this.clip = clip;
        this.maxGradientNorm = maxGradientNorm;
        Device device = parameters.Values.device;
        GradientNorm = zeros([], ScalarType.Float32, device).DetachFromDisposeScope();
        Skipped = zeros([], ScalarType.Float32, device).DetachFromDisposeScope();
        SkippedInARow = zeros([], ScalarType.Float32, device).DetachFromDisposeScope();
        Overflowed = zeros([], ScalarType.Float32, device).DetachFromDisposeScope();
        LastSkip = zeros([], ScalarType.Float32, device).DetachFromDisposeScope();
        LastOverflow = zeros([], ScalarType.Float32, device).DetachFromDisposeScope();
    }

    /// <summary>Gets the parameters that other processes have updated. Called after the optimizer. Default null.</summary>
    internal Action? AfterOptimizer { get; init; }

    /// <summary>
    /// The gradient norm of the last step before clipping, a float32 scalar on the device. Reading it waits for the device.
    /// </summary>
    public Tensor GradientNorm { get; }

    /// <summary>
    /// The number of steps skipped because their gradients were not finite or their gradient norm was above its limit, a float32 scalar on
    /// the device; without those of <see cref="Overflowed"/>.
    /// </summary>
    public Tensor Skipped { get; }

    /// <summary>The number of steps skipped in a row up to and including the last step, a float32 scalar on the device.</summary>
    public Tensor SkippedInARow { get; }

    /// <summary>
    /// The number of steps skipped because the gradients overflowed float16 while the <see cref="Diffusion.Training.LossScale"/> was above
    /// its least value, a float32 scalar on the device. The loss scale is then halved, so they are no problem of the run.
    /// </summary>
    public Tensor Overflowed { get; }

    /// <summary>What the loss is multiplied by; null unless the network computes in float16.</summary>
    internal LossScale? LossScale => parameters.LossScale;

    /// <summary>1 if the last step was skipped for any reason, else 0; a float32 scalar on the device.</summary>
    internal Tensor LastSkip { get; }

    /// <summary>1 if the last step counts in <see cref="Overflowed"/>, else 0; a float32 scalar on the device.</summary>
    internal Tensor LastOverflow { get; }

    /// <summary>Updates the parameters and the averages from the gradients, and zeroes the gradients.</summary>
    /// <param name="step">The number of this optimizer step, from 1.</param>
    /// <param name="learningRate">The learning rate of this step.</param>
    /// <param name="imagesSeen">
    /// The images seen so far, including those of this step. Only <see cref="EmaLaw.HalfLife"/> needs it. Default 0.
    /// </param>
    /// <param name="batchSize">The images of this step. Only <see cref="EmaLaw.HalfLife"/> needs it. Default 0.</param>
    public void Apply(long step, double learningRate, long imagesSeen = 0, int batchSize = 0)
    {
        using IDisposable noGradients = no_grad();
        using DisposeScope scope = NewDisposeScope();
        using GradientNorm norm = new(parameters, clip, maxGradientNorm);
        optimizer.Update(learningRate, norm.Divisor, norm.Skip);
        AfterOptimizer?.Invoke();
        parameters.RoundValues();
        foreach (EmaWrapper average in averages)
        {
            average.Update(step, norm.Skip, imagesSeen, batchSize);
        }

        parameters.Gradients.zero_();

        GradientNorm.copy_(norm.Norm);
        LastSkip.copy_(norm.Skip);
        Tensor failed = norm.Skip;
        if (LossScale is { } scale)
        {
            LastOverflow.copy_(scale.Excuses(norm.Overflow));
            Overflowed.Increase(LastOverflow);
            failed = norm.Skip - LastOverflow;
            scale.Update(norm.Overflow);
        }

        Skipped.Increase(failed);
        SkippedInARow.Increase(failed).mul_(failed);
    }

    /// <summary>Disposes the counters.</summary>
    public void Dispose()
    {
        GradientNorm.Dispose();
        Skipped.Dispose();
        SkippedInARow.Dispose();
        Overflowed.Dispose();
        LastSkip.Dispose();
        LastOverflow.Dispose();
    }
}
