using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Training;

/// <summary>
/// Prodigy (Mishchenko and Defazio 2023, algorithm 4): Adam that estimates the distance d to the solution, which is its learning rate. The
/// estimate stays on the device.
/// </summary>
internal sealed class Prodigy : IOptimizer, IKeepsFirstWeights
{
    // Where a step is skipped, x * 1 and x + (-0) leave every bit of x. 1 - beta^t is computed as -expm1(t log beta).
    private const string Source = """
        def rate(d: Tensor, step: Tensor, lr: float, log1: float, log2: float, corrects: bool):
            size = d * lr
            if corrects:
                size = size * torch.sqrt(-torch.expm1((step + 1.0) * log2)) / (-torch.expm1((step + 1.0) * log1))
            return size

        def gather(p: Tensor, g: Tensor, first: Tensor, s: Tensor, m: Tensor, v: Tensor, sums: Tensor, d: Tensor, size: Tensor,
                   divisor: Tensor, skip: Tensor, d0: float, beta1: float, beta2: float, beta3: float, safeguards: bool):
            skipped = skip > 0
            g.div_(divisor).masked_fill_(skipped, -0.0)
            m.mul_(torch.where(skipped, 1.0, beta1)).add_(g * (d * (1.0 - beta1)))
            v.mul_(torch.where(skipped, 1.0, beta2)).addcmul_(g, g * (d * d * (1.0 - beta2)))
            sums[0].add_(((first - p).mul_(g)).sum() * (d / d0 * size)[0])
            s.mul_(torch.where(skipped, 1.0, beta3)).add_(g * (d / d0 * (d if safeguards else size)))
            sums[1].add_(s.abs().sum())
            return sums

        def estimate(sums: Tensor, d: Tensor, d_max: Tensor, numerator: Tensor, step: Tensor, skip: Tensor, lr: float, d0: float,
                     beta3: float, coefficient: float, growth: float):
            moves = torch.logical_and(skip < 1, sums[1] > 0).view(1)
            step.copy_(torch.where(moves, step + 1.0, step))
            if lr > 0:
                total = numerator * beta3 + sums[0]
                guess = coefficient * total / sums[1]
                first = torch.where(d == d0, torch.maximum(d, guess), d)
                reached = torch.maximum(d_max, guess)
                d.copy_(torch.where(moves, torch.minimum(reached, first * growth), d))
                d_max.copy_(torch.where(moves, reached, d_max))
                numerator.copy_(torch.where(moves, total, numerator))
            return torch.logical_not(moves)

        def move(p: Tensor, m: Tensor, v: Tensor, d: Tensor, size: Tensor, stays: Tensor, decay: float, eps: float):
            if decay > 0:
                p.mul_(torch.where(stays, torch.ones_like(size), 1.0 - size * decay))
            p.add_((m / v.sqrt().add_(d * eps)).mul_(-size).masked_fill_(stays[0], -0.0))
            return p

        """;

    private readonly OptimizerState state = new();
    private readonly IReadOnlyList<ParameterSegment> segments;
    private readonly ProdigyFactory options;
    private readonly jit.CompilationUnit script;
    private readonly Tensor distance;
    private readonly Tensor maxDistance;
    private readonly Tensor numerator;
    private readonly Tensor step;
    private readonly Tensor[] values;
    private readonly Tensor[] gradients;
    private readonly Tensor[] firstValues;
    private readonly Tensor[] sums;
    private readonly Tensor[] firstMoments;
    private readonly Tensor[] secondMoments;
    private bool isNew = true;

    public Prodigy(FlatParameters parameters, ProdigyFactory options)
    {
        this.options = options;
        segments = parameters.Segments;
        Device device = parameters.Values.device;
        script = jit.compile(Source);
        distance = state.Number("d", options.FirstDistance, device);
        maxDistance = state.Number("d_max", options.FirstDistance, device);
        numerator = state.Number("d_numerator", 0, device);
        step = state.Number("step", 0, device);
        values = state.Parts(parameters.Values, segments);
        gradients = state.Parts(parameters.Gradients, segments);
        firstValues = state.Buffers("p0", segments, device);
        sums = state.Buffers("s", segments, device);
        firstMoments = state.Buffers("exp_avg", segments, device);
        secondMoments = state.Buffers("exp_avg_sq", segments, device);
        KeepFirstWeights();
    }

    public IReadOnlyDictionary<string, Tensor> State => state.Tensors;

    public void KeepFirstWeights() => FirstValues.Keep(step, values, firstValues);

    public void Update(double learningRate, Tensor gradientDivisor, Tensor skip)
    {
        using DisposeScope scope = NewDisposeScope();
        using IDisposable noGradients = no_grad();
        if (isNew)
        {
            KeepFirstWeights(); // initial weights may have been loaded meanwhile
            isNew = false;
        }

        Tensor size = (Tensor)script.Call(
            "rate", distance, step, learningRate, Math.Log(options.Beta1), Math.Log(options.Beta2), options.CorrectsBias);
        Tensor both = zeros(2, ScalarType.Float32, distance.device);
        for (int i = 0; i < segments.Count; i++)
        {
            script.Call(
                "gather", values[i], gradients[i], firstValues[i], sums[i], firstMoments[i], secondMoments[i], both, distance, size,
                gradientDivisor, skip, options.FirstDistance, options.Beta1, options.Beta2, options.Beta3 ?? Math.Sqrt(options.Beta2),
                options.SafeguardsWarmup);
        }

        Tensor stays = (Tensor)script.Call(
            "estimate", both, distance, maxDistance, numerator, step, skip, learningRate, options.FirstDistance,
            options.Beta3 ?? Math.Sqrt(options.Beta2), options.Coefficient, options.GrowthRate);
        for (int i = 0; i < segments.Count; i++)
        {
            script.Call("move", values[i], firstMoments[i], secondMoments[i], distance, size, stays,
                segments[i].Decays ? options.WeightDecay : 0.0, options.Epsilon);
        }
    }

    public void Dispose()
    {
        state.Dispose();
        script.Dispose();
    }
}
