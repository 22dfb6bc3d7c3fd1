using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Sampling;

/// <summary>
/// Multistep DPM-Solver++ and DPM-Solver (Lu et al. 2022) and their SDE forms: an exponential Adams-Bashforth method over the half log-SNR
/// that reuses the estimates of earlier steps. One call of the network per step. Order 2 in 20 steps is a good default for few steps.
/// </summary>
/// <remarks>
/// <see cref="Sampling.OrderAtEnd.Auto"/> lowers the order in the last steps of grids with fewer than 15 steps, as the authors do.
/// </remarks>
public sealed record DpmSolver : StepSampler
{
    /// <summary>The number of estimates that a step uses, 1 to 3. Default 2.</summary>
    public int Order { get; init; } = 2;

    /// <summary>Which estimate is integrated. Default <see cref="SolverForm.Data"/>, DPM-Solver++.</summary>
    public SolverForm Form { get; init; }

    /// <summary>The weight of the slope in steps of order 2. Default <see cref="SolverSlope.HalfPhi"/>, the authors' midpoint.</summary>
    public SolverSlope Slope { get; init; }

    /// <summary>
    /// Order 3 only: whether the weights make the method third order. Default false, the published weights, which are second order and
    /// often better in 15 to 60 steps.
    /// </summary>
    public bool ExactWeights { get; init; }

    /// <summary>The strength of the reverse SDE, 0 to 1. Default 0, deterministic; 1 is SDE-DPM-Solver.</summary>
    public double Eta { get; init; }

    /// <summary>The standard deviation of the added noise, above 0. Default 1.</summary>
    public double NoiseScale { get; init; } = 1;

    /// <summary>The order in the last steps. Default <see cref="Sampling.OrderAtEnd.Auto"/>.</summary>
    public OrderAtEnd OrderAtEnd { get; init; }

    /// <inheritdoc/>
    protected override int Depth => Order - 1;

    /// <summary>One step, also for <see cref="DeisSampler"/>.</summary>
    internal StepResult TakeStep(SamplingStep step, Tensor x)
    {
        (NoiseLevel from, NoiseLevel to) = (step.From, step.To);
        Estimate estimate = step.Denoise(x, from);
        if (from.Alpha == 0)
        {
            return new StepResult(step.LeavePureNoise(estimate, Eta, NoiseScale));
        }

        PastEstimate now = Form.Keep(from, estimate);
        if (to.Sigma == 0)
        {
            return new StepResult(LevelStep.Move(estimate, to), now);
        }

        ExponentialStep solver = new(from, to, Form, Eta);
        PastEstimate[] used = [now, .. step.Past.Take(OrderAtEnd.Limit(Order, step.Left, autoLowers: step.Count < 15) - 1)];
        double[] nodes = [.. used.Select(past => solver.NodeOf(past.At))];
        double[] weights = nodes.Length == 3 && !ExactWeights
            ? SolverWeights.PublishedThird(nodes, solver.Scale)
            : SolverWeights.Exponential(nodes, solver.Scale, Slope);
        Tensor? noise = Eta > 0 ? step.Noise().Times(NoiseScale) : null;
        return new StepResult(solver.Apply(x, weights, Form.Of(used), noise), now);
    }

    /// <inheritdoc/>
    internal override bool AddsNoise(NoiseLevel level) => Eta > 0;

    /// <inheritdoc/>
    protected override StepResult Step(SamplingStep step, Tensor x)
    {
        ArgumentNullException.ThrowIfNull(step);
        return TakeStep(step, x);
    }

    /// <inheritdoc/>
    protected override IEnumerable<string> Problems(INoiseSchedule schedule) =>
    [
        .. OptionProblems.Order(Order, 3), .. OptionProblems.Choice(Form, nameof(Form)), .. OptionProblems.Choice(Slope, nameof(Slope)),
        .. OptionProblems.Eta(Eta), .. OptionProblems.Positive(NoiseScale, nameof(NoiseScale)),
        .. OptionProblems.Choice(OrderAtEnd, nameof(OrderAtEnd)),
    ];
}
