using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Sampling;

/// <summary>
/// Singlestep DPM-Solver and DPM-Solver++ (Lu et al. 2022, algorithms 1 and 2): blocks that start from the noisy images alone and have
/// inner levels. One call of the network per step.
/// </summary>
/// <remarks>
/// On the grid, steps have the orders 1, 2, 3, 1, 2, 3, ...: a step of order k starts again from the sample and estimate k - 1 steps back.
/// <see cref="Sampling.OrderAtEnd.Auto"/> shortens the last block where it would otherwise be the last step. Off the grid (DPM-Solver-fast,
/// appendix D.3), N calls are blocks of the orders 3, ..., 3, and 2, 1 or what is left, on a grid of floor(N / 3) + 1 steps.
/// </remarks>
public sealed record DpmSolverSinglestep : StepSampler
{
    /// <summary>The order of a full block, 1 to 3. Default 2.</summary>
    public int Order { get; init; } = 2;

    /// <summary>Which estimate is integrated. Default <see cref="SolverForm.Data"/>.</summary>
    public SolverForm Form { get; init; }

    /// <summary>
    /// The weight of the slope in steps of order 2. Order 3 uses all three estimates with <see cref="SolverSlope.Exact"/>, otherwise the
    /// first and the last. Default <see cref="SolverSlope.HalfPhi"/>, midpoint.
    /// </summary>
    public SolverSlope Slope { get; init; }

    /// <summary>Where the inner levels are. Default on the grid.</summary>
    public InnerLevels Inner { get; init; }

    /// <summary>
    /// The strength of the noise, 0 to 1. Default 0, none. The draws of a block are independent, which makes the method first order in the
    /// variance of images: <see cref="DpmSolver"/> and <see cref="DpmSolverSde"/> are better with noise.
    /// </summary>
    public double Eta { get; init; }

    /// <summary>The standard deviation of the noise, above 0. Default 1.</summary>
    public double NoiseScale { get; init; } = 1;

    /// <summary>The order in the last steps, on the grid. Default <see cref="Sampling.OrderAtEnd.Auto"/>.</summary>
    public OrderAtEnd OrderAtEnd { get; init; }

    /// <inheritdoc/>
    protected override int Depth => Inner == InnerLevels.OnGrid ? Order - 1 : 0;

    /// <inheritdoc/>
    protected override int GridSteps(int steps) => Inner == InnerLevels.OnGrid ? steps : (steps / 3) + 1;

    /// <inheritdoc/>
    internal override bool AddsNoise(NoiseLevel level) => Eta > 0;

    /// <inheritdoc/>
    protected override StepResult Step(SamplingStep step, Tensor x)
    {
        ArgumentNullException.ThrowIfNull(step);
        return Inner == InnerLevels.OnGrid ? OnGrid(step, x) : OffGrid(step, x);
    }

    /// <inheritdoc/>
    protected override IEnumerable<string> Problems(INoiseSchedule schedule) =>
    [
        .. OptionProblems.Order(Order, 3), .. OptionProblems.Choice(Form, nameof(Form)), .. OptionProblems.Choice(Slope, nameof(Slope)),
        .. OptionProblems.Choice(Inner, nameof(Inner)), .. OptionProblems.Eta(Eta),
        .. OptionProblems.Positive(NoiseScale, nameof(NoiseScale)), .. OptionProblems.Choice(OrderAtEnd, nameof(OrderAtEnd)),
        .. Inner == InnerLevels.OffGrid && Steps < 1 ? [$"Steps is {Steps}, but must be at least 1. Use 50."] : Array.Empty<string>(),
        .. Inner == InnerLevels.OffGrid && Order != 3 ? [$"Order is {Order}, but must be 3 with inner levels off the grid."]
            : Array.Empty<string>(),
    ];

    private StepResult OnGrid(SamplingStep step, Tensor x)
    {
        (NoiseLevel from, NoiseLevel to) = (step.From, step.To);
        Estimate estimate = step.Denoise(x, from);
        if (from.Alpha == 0)
        {
            return new StepResult(step.LeavePureNoise(estimate, Eta, NoiseScale));
        }

        PastEstimate now = Form.Keep(from, estimate, x.alias());
        if (to.Sigma == 0)
        {
            return new StepResult(LevelStep.Move(estimate, to), now);
        }

        PastEstimate[] block = [.. step.Past.Take(OrderOf(step) - 1).Reverse(), now];
        ExponentialStep solver = new(block[0].At, to, Form, Eta);
        PastEstimate[] used = block.Length == 3 && Slope != SolverSlope.Exact ? [block[0], block[2]] : block;
        double[] nodes = [.. used.Select(past => solver.NodeOf(past.At))];
        double[] weights = SolverWeights.Exponential(nodes, solver.Scale, block.Length == 3 ? SolverSlope.Exact : Slope);
        Tensor? noise = Eta > 0 ? step.Noise().Times(NoiseScale) : null;
        return new StepResult(solver.Apply(block[0].Sample!, weights, Form.Of(used), noise), now);
    }

    private int OrderOf(SamplingStep step)
    {
        int inTurn = (step.Index % Order) + 1;
        return OrderAtEnd switch
        {
            OrderAtEnd.LastStepFirst when step.Left == 1 => 1,
            OrderAtEnd.Auto or OrderAtEnd.Lowered when step.Count % Order == 0 && step.Left == 1 => 1,
            OrderAtEnd.Auto or OrderAtEnd.Lowered when step.Count % Order == 0 && step.Left == 2 => Math.Max(Order - 1, 1),
            _ => inTurn,
        };
    }

    private StepResult OffGrid(SamplingStep step, Tensor x)
    {
        (NoiseLevel down, double added) = LevelStep.SplitAbove(step.From, step.To, Eta, step.End);
        return new StepResult(step.AddNoise(Block(step, x, step.From, down), added * NoiseScale));
    }

    private Tensor Block(SamplingStep step, Tensor x, NoiseLevel from, NoiseLevel to)
    {
        Estimate estimate = step.Denoise(x, from);
        int order = BlockOrder(step);
        if (order == 1 || to.Sigma == 0 || from.Alpha == 0)
        {
            return LevelStep.Move(estimate, to);
        }

        Tensor start = Form.Of(estimate);
        double h = to.HalfLogSnr - from.HalfLogSnr;
        double place = order == 2 ? 0.5 : 1.0 / 3;
        NoiseLevel inner = step.Schedule.WithHalfLogSnr(from.HalfLogSnr + (place * h));
        Tensor first = Form.Of(step.Denoise(new ExponentialStep(from, inner, Form).First(x, start), inner));
        ExponentialStep whole = new(from, to, Form);
        if (order == 2)
        {
            return whole.Second(x, start, first, place, Slope);
        }

        NoiseLevel later = step.Schedule.WithHalfLogSnr(from.HalfLogSnr + (2 * h / 3));
        Tensor there = new ExponentialStep(from, later, Form).Second(x, start, first, 0.5, SolverSlope.Exact);
        return whole.Second(x, start, Form.Of(step.Denoise(there, later)), 2.0 / 3, SolverSlope.Exact);
    }

    // Blocks of order 3; the last ones have the orders 2, 1 where 3 divides the number of calls, otherwise what is left.
    private int BlockOrder(SamplingStep step)
    {
        int calls = StepsFor(step.Schedule);
        return (calls % 3, step.Left) switch
        {
            (0, <= 2) => step.Left,
            (not 0, 1) => calls % 3,
            _ => 3,
        };
    }
}
