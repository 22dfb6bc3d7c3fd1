using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Sampling;

/// <summary>
/// UniPC (Zhao et al. 2023): an exponential Adams predictor, whose result is corrected in the next step with the estimate made there. One
/// call of the network per step, and one order more than a predictor alone.
/// </summary>
/// <remarks><see cref="Sampling.OrderAtEnd.Auto"/> lowers the order in the last steps.</remarks>
public sealed record UniPcSampler : StepSampler
{
    /// <summary>The order of the predictor, 1 to 3. Default 2; 3 for models without classes or guidance.</summary>
    public int Order { get; init; } = 2;

    /// <summary>Which estimate is integrated. Default <see cref="SolverForm.Data"/>.</summary>
    public SolverForm Form { get; init; }

    /// <summary>
    /// The weight of the slope in steps of order 2. Default <see cref="SolverSlope.HalfPhi"/>, bh2; bh1 is
    /// <see cref="SolverSlope.HalfStep"/>.
    /// </summary>
    public SolverSlope Slope { get; init; }

    /// <summary>The order in the last steps. Default <see cref="Sampling.OrderAtEnd.Auto"/>.</summary>
    public OrderAtEnd OrderAtEnd { get; init; }

    /// <summary>The steps, from 0, whose result is not corrected. Default none; the first ones help with strong guidance.</summary>
    public IReadOnlyList<int> UncorrectedSteps { get; init; } = [];

    /// <summary>
    /// In the noise form only: whether a step from nearly pure noise, alpha / sigma of at most 0.001, has order 1: a higher order would
    /// multiply the network's error there. Default true; false is as in diffusers. A step from pure noise always has order 1.
    /// </summary>
    public bool FirstOrderFromNoise { get; init; } = true;

    /// <inheritdoc/>
    protected override int Depth => Order;

    /// <inheritdoc/>
    protected override StepResult Step(SamplingStep step, Tensor x)
    {
        ArgumentNullException.ThrowIfNull(step);
        (NoiseLevel from, NoiseLevel to) = (step.From, step.To);
        Estimate estimate = step.Denoise(x, from);
        if (from.IsPureNoise(orNearly: FirstOrderFromNoise && Form == SolverForm.Noise))
        {
            return new StepResult(LevelStep.Move(estimate, to));
        }

        bool corrects = step.Past.Count > 0 && !UncorrectedSteps.Contains(step.Index - 1);
        Tensor arrived = corrects ? Corrected(step, estimate) : x.alias();
        PastEstimate now = Form.Keep(from, estimate, arrived);
        if (to.Sigma == 0)
        {
            return new StepResult(LevelStep.Move(estimate, to), now);
        }

        PastEstimate[] used = [now, .. step.Past.Take(OrderAtEnd.Limit(Order, step.Left) - 1)];
        ExponentialStep predictor = new(from, to, Form);
        double[] nodes = [.. used.Select(past => predictor.NodeOf(past.At))];
        return new StepResult(
            predictor.Apply(arrived, SolverWeights.Exponential(nodes, predictor.Scale, Slope), Form.Of(used)), now);
    }

    /// <inheritdoc/>
    protected override IEnumerable<string> Problems(INoiseSchedule schedule) =>
    [
        .. OptionProblems.Order(Order, 3), .. OptionProblems.Choice(Form, nameof(Form)), .. OptionProblems.Choice(Slope, nameof(Slope)),
        .. OptionProblems.Choice(OrderAtEnd, nameof(OrderAtEnd)),
        .. UncorrectedSteps is null ? ["UncorrectedSteps is null. Use an empty list for none."] : Array.Empty<string>(),
    ];

    // The step before, once more, with the estimate of its end as a further node (equation 9, UniC).
    private Tensor Corrected(SamplingStep step, Estimate estimate)
    {
        int order = Math.Min(OrderAtEnd.Limit(Order, step.Left + 1), step.Past.Count);
        PastEstimate start = step.Past[0];
        PastEstimate[] used = [.. step.Past.Take(order)];
        ExponentialStep corrector = new(start.At, step.From, Form);
        double[] nodes = [.. used.Select(past => corrector.NodeOf(past.At)), 1];
        return corrector.Apply(start.Sample!, SolverWeights.Exponential(nodes, corrector.Scale, Slope),
            [.. Form.Of(used), Form.Of(estimate)]);
    }
}
