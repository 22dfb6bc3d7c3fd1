using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Sampling;

/// <summary>
/// Diffusion exponential integrator sampler (Zhang and Chen 2022, DEIS with a polynomial over log rho): <see cref="DpmSolver"/> in the
/// noise form with exact weights. One call of the network per step.
/// </summary>
public sealed record DeisSampler : StepSampler
{
    /// <summary>The number of estimates that a step uses, 1 to 3. Default 2.</summary>
    public int Order { get; init; } = 2;

    /// <summary>The order in the last steps. Default <see cref="Sampling.OrderAtEnd.Auto"/>, as for <see cref="DpmSolver"/>.</summary>
    public OrderAtEnd OrderAtEnd { get; init; }

    /// <inheritdoc/>
    protected override int Depth => Order - 1;

    /// <inheritdoc/>
    protected override StepResult Step(SamplingStep step, Tensor x)
    {
        ArgumentNullException.ThrowIfNull(step);
        DpmSolver solver = new()
        {
            Order = Order, Form = SolverForm.Noise, Slope = SolverSlope.Exact, ExactWeights = true, OrderAtEnd = OrderAtEnd,
        };
        return solver.TakeStep(step, x);
    }

    /// <inheritdoc/>
    protected override IEnumerable<string> Problems(INoiseSchedule schedule) =>
        [.. OptionProblems.Order(Order, 3), .. OptionProblems.Choice(OrderAtEnd, nameof(OrderAtEnd))];
}
