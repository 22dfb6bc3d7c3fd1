using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Sampling;

/// <summary>
/// Stochastic Adams solver (Xue et al. 2023, SA-Solver): a predictor and a corrector of exponential Adams methods for the SDE whose noise
/// has the strength tau(level). One call of the network per step.
/// </summary>
/// <remarks>
/// The corrector of a step adds the same noise as its predictor. <see cref="Sampling.OrderAtEnd.Auto"/> lowers the order in the last steps.
/// </remarks>
public sealed record SaSolver : StepSampler
{
    /// <summary>The number of estimates of the predictor, 1 to 4. Default 2.</summary>
    public int Predictor { get; init; } = 2;

    /// <summary>The number of estimates of the corrector, 1 to 4. Default 2.</summary>
    public int Corrector { get; init; } = 2;

    /// <summary>Which estimate is integrated. Default <see cref="SolverForm.Data"/>.</summary>
    public SolverForm Form { get; init; }

    /// <summary>The strength of the noise at a level, 0 or more: 0 for the ODE, 1 for the reverse SDE. Default 1 everywhere.</summary>
    public Func<NoiseLevel, double> Tau { get; init; } = _ => 1;

    /// <summary>The order in the last steps. Default <see cref="Sampling.OrderAtEnd.Auto"/>.</summary>
    public OrderAtEnd OrderAtEnd { get; init; }

    /// <inheritdoc/>
    protected override int Depth => Math.Max(Math.Max(Predictor, Corrector), 2) - 1;

    private SolverSlope Slope => Form == SolverForm.Data ? SolverSlope.HalfStep : SolverSlope.Exact;

    /// <inheritdoc/>
    internal override bool AddsNoise(NoiseLevel level) => Tau(level) > 0;

    /// <inheritdoc/>
    protected override StepResult Step(SamplingStep step, Tensor x)
    {
        ArgumentNullException.ThrowIfNull(step);
        (NoiseLevel from, NoiseLevel to) = (step.From, step.To);
        Estimate estimate = step.Denoise(x, from);
        double tau = Tau(from);
        if (from.Alpha == 0)
        {
            return new StepResult(step.LeavePureNoise(estimate, Math.Min(tau * tau, 1), 1));
        }

        Tensor arrived = step.Past.Count > 0 ? Corrected(step, estimate) : x.alias();
        Tensor? noise = tau > 0 && to.Sigma > 0 ? step.Noise() : null;
        PastEstimate now = Form.Keep(from, estimate, arrived) with { Injected = noise };
        if (to.Sigma == 0)
        {
            return new StepResult(LevelStep.Move(estimate, to), now);
        }

        PastEstimate[] used = [now, .. step.Past.Take(OrderAtEnd.Limit(Predictor, step.Left) - 1)];
        ExponentialStep solver = new(from, to, Form, tau * tau);
        double[] nodes = [.. used.Select(past => solver.NodeOf(past.At))];
        double[] weights = SolverWeights.Exponential(nodes, solver.Scale, Slope);
        return new StepResult(solver.Apply(arrived, weights, Form.Of(used), noise), now);
    }

    /// <inheritdoc/>
    protected override IEnumerable<string> Problems(INoiseSchedule schedule) =>
    [
        .. OptionProblems.Order(Predictor, 4, nameof(Predictor)), .. OptionProblems.Order(Corrector, 4, nameof(Corrector)),
        .. OptionProblems.Choice(Form, nameof(Form)), .. OptionProblems.Choice(OrderAtEnd, nameof(OrderAtEnd)),
        .. Tau is null ? ["Tau is null. Use _ => 1 for the reverse SDE, _ => 0 for the ODE."] : TauProblems(schedule),
    ];

    private IEnumerable<string> TauProblems(INoiseSchedule schedule) =>
        from level in (NoiseLevel[])[schedule.At(schedule.LastTime), schedule.At(schedule.FirstTime)]
        let tau = Tau(level)
        where !(tau >= 0) || !double.IsFinite(tau)
        select $"Tau is {tau} at sigma / alpha {level.Ratio}, but must be 0 or more. Use _ => 1 for the reverse SDE.";

    // The step before, once more: the estimate of its end, then its start and earlier ones (equation 14).
    private Tensor Corrected(SamplingStep step, Estimate estimate)
    {
        PastEstimate start = step.Past[0];
        int order = Math.Min(OrderAtEnd.Limit(Corrector, step.Left + 2), step.Past.Count + 1);
        double tau = Tau(start.At);
        ExponentialStep solver = new(start.At, step.From, Form, tau * tau);
        PastEstimate[] used = [.. step.Past.Take(order - 1)];
        double[] nodes = [1, .. used.Select(past => solver.NodeOf(past.At))];
        return solver.Apply(start.Sample!, SolverWeights.Exponential(nodes, solver.Scale, Slope),
            [Form.Of(estimate), .. Form.Of(used)], start.Injected);
    }
}
