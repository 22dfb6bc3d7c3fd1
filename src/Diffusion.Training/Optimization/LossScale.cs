using System.Runtime.CompilerServices;
using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Training;

/// <summary>
/// The factor of the loss of a network that computes in float16, whose smallest number is 6e-8: small gradients would become zero. The
/// gradients are divided by it before their norm is measured, so it changes neither clipping nor the optimizer.
/// </summary>
/// <remarks>
/// The factor is dynamic (Micikevicius et al. 2018, section 3.2; the values are those of PyTorch's <c>GradScaler</c>): a step whose
/// gradients are infinite or NaN is skipped and halves it, down to <see cref="Floor"/>; <see cref="GrowthSteps"/> steps one after the
/// other whose gradients are finite double it, up to <see cref="Ceiling"/>. All of it happens on the device, and nothing waits for it.
/// <see cref="TrainingPass"/> and <see cref="ParameterUpdate"/> do it. A loop with a backward pass of its own starts that from
/// <see cref="Apply"/>.
/// </remarks>
public sealed class LossScale
{
    /// <summary>The least factor: 1. If gradients overflow even so, the cause is not the factor.</summary>
    public const double Floor = 1;

    /// <summary>The largest factor: 2^24.</summary>
    public const double Ceiling = 16_777_216;

    private const double Growth = 2;
    private const double Backoff = 0.5;

    private static readonly ConditionalWeakTable<nn.Module, LossScale> Scales = [];

    private readonly nn.Module network;

    /// <summary>Creates the scale of a network.</summary>
    internal LossScale(nn.Module network, Device device)
    {
        this.network = network;
        Value = zeros([], ScalarType.Float32, device).DetachFromDisposeScope();
        GoodSteps = zeros([], ScalarType.Float32, device).DetachFromDisposeScope();
        Begin(new LossScaleOptions());
        Scales.AddOrUpdate(network, this);
    }

    /// <summary>The factor, a power of two, float32 scalar on the device. Default 65,536.</summary>
    public Tensor Value { get; }

    /// <summary>
    /// The number of steps with finite gradients since the factor last changed or the gradients last overflowed, float32 scalar on the
    /// device.
    /// </summary>
    public Tensor GoodSteps { get; }

    /// <summary>How many steps with finite gradients, one after the other, double the factor; at least 1. Default 2000.</summary>
    public int GrowthSteps
    {
        get;
        set
        {
            ArgumentOutOfRangeException.ThrowIfLessThan(value, 1);
            field = value;
        }
    }

    /// <summary>The scale of a network that computes in float16; null of any other.</summary>
    internal static LossScale? Of(nn.Module network) => Scales.TryGetValue(network, out LossScale? scale) ? scale : null;

    /// <summary>Whether a number can be a factor: a power of two between <see cref="Floor"/> and <see cref="Ceiling"/>.</summary>
    internal static bool IsPossible(double value) => value is >= Floor and <= Ceiling && double.IsPow2(value);

    /// <summary>Multiplies a loss by the factor, to start the backward pass from.</summary>
    /// <param name="loss">The loss, float32 scalar on the device.</param>
    /// <returns>The product with its graph; it belongs to the caller.</returns>
    public Tensor Apply(Tensor loss)
    {
        ArgumentNullException.ThrowIfNull(loss);
        return loss * Value;
    }

    /// <summary>Sets the factor.</summary>
    /// <param name="value">The factor, a power of two between <see cref="Floor"/> and <see cref="Ceiling"/>.</param>
    /// <param name="goodSteps">The steps with finite gradients that count from before. Default 0.</param>
    /// <exception cref="ArgumentOutOfRangeException">A number is out of range.</exception>
    public void Reset(double value, long goodSteps = 0)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(goodSteps);
        if (!IsPossible(value))
        {
            throw new ArgumentOutOfRangeException(nameof(value), value,
                "The loss scale must be a power of two in 1..16777216. Use 65536.");
        }

        using IDisposable noGradients = no_grad();
        Value.Fill(value);
        GoodSteps.Fill(goodSteps);
    }

    /// <summary>Starts over with options.</summary>
    internal void Begin(LossScaleOptions options)
    {
        GrowthSteps = options.GrowthSteps;
        Reset(options.Initial);
    }

    /// <summary>
    /// 1 where gradients overflowed because of the factor, which is then halved; 0 where they are finite, and where the factor is already
    /// the least; float32 scalar on the device.
    /// </summary>
    /// <param name="overflow">1 where a gradient is infinite or NaN, else 0.</param>
    internal Tensor Excuses(Tensor overflow)
    {
        using DisposeScope scope = NewDisposeScope();
        return (overflow * Value.IsWithin(Floor).logical_not().to(ScalarType.Float32)).MoveToOuterDisposeScope();
    }

    /// <summary>Changes the factor after a step.</summary>
    /// <param name="overflow">1 where a gradient was infinite or NaN, else 0; float32 scalar on the device.</param>
    internal void Update(Tensor overflow)
    {
        using IDisposable noGradients = no_grad();
        using DisposeScope scope = NewDisposeScope();
        Tensor isGood = overflow.Is(0);
        Tensor grows = GoodSteps.IsWithin(GrowthSteps - 2).logical_not(); // this step is the last of the interval
        Tensor next = where(grows, Value.Times(Growth).Between(Floor, Ceiling), Value);
        Value.copy_(where(isGood, next, Value.Times(Backoff).AtLeast(Floor)));
        GoodSteps.copy_(where(isGood.logical_and(grows.logical_not()), GoodSteps.Plus(1), zeros_like(GoodSteps)));
    }

    /// <summary>Frees the numbers.</summary>
    internal void Free()
    {
        Scales.Remove(network);
        Value.Dispose();
        GoodSteps.Dispose();
    }
}
