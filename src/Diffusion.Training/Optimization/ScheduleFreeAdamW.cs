using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Training;

/// <summary>
/// Schedule-free AdamW (Defazio et al. 2024, algorithm 1). The parameters are the points y where gradients are taken; z is the sequence of
/// steps, and x, which is computed from both, its weighted average.
/// </summary>
internal sealed class ScheduleFreeAdamW : IOptimizer, IKeepsFirstWeights
{
    // Where `skip` is 1, x * 1 and x + (-0) leave every bit of x. 1 - beta^t is computed as -expm1(t log beta). Before the first step with
    // a learning rate above 0, z has no share in the average, as in the reference implementation.
    private const string Source = """
        def weigh(step: Tensor, highest: Tensor, total: Tensor, skip: Tensor, lr: float):
            skipped = skip > 0
            most = torch.where(skipped, highest, highest.clamp(min=lr))
            share = most * most
            step.add_(torch.where(skipped, 0.0, 1.0))
            highest.copy_(most)
            total.copy_(torch.where(skipped, total, total + share))
            return torch.where(total > 0, share / total, torch.zeros_like(total))

        def move(p: Tensor, g: Tensor, z: Tensor, v: Tensor, step: Tensor, share: Tensor, divisor: Tensor, skip: Tensor, lr: float,
                 decay: float, beta1: float, beta2: float, log2: float, eps: float):
            skipped = skip > 0
            g.div_(divisor).masked_fill_(skipped, -0.0)
            v.mul_(torch.where(skipped, 1.0, beta2)).addcmul_(g, g, value=1.0 - beta2)
            g.div_((v / -torch.expm1(step.clamp(min=1) * log2)).sqrt_().add_(eps))
            if decay > 0:
                g.add_(p, alpha=decay)
            moved = torch.lerp(p, z, share).add_(g * (lr * (beta1 * (1.0 - share) - 1.0)))
            p.copy_(torch.where(skipped, p, moved))
            z.add_(g.mul_(-lr).masked_fill_(skipped, -0.0))
            return p

        """;

    private readonly OptimizerState state = new();
    private readonly FlatParameters parameters;
    private readonly IReadOnlyList<ParameterSegment> segments;
    private readonly ScheduleFreeAdamWFactory options;
    private readonly jit.CompilationUnit script;
    private readonly Tensor step;
    private readonly Tensor highest;
    private readonly Tensor total;
    private readonly Tensor ofSteps; // on the device, so that an update copies nothing to it
    private readonly Tensor[] values;
    private readonly Tensor[] gradients;
    private readonly Tensor[] steps;
    private readonly Tensor[] secondMoments;
    private bool isNew = true;

    public ScheduleFreeAdamW(FlatParameters parameters, ScheduleFreeAdamWFactory options)
    {
        this.parameters = parameters;
        this.options = options;
        segments = parameters.Segments;
        Device device = parameters.Values.device;
        script = jit.compile(Source);
        step = state.Number("step", 0, device);
        highest = state.Number("lr_max", 0, device);
        total = state.Number("weight_sum", 0, device);
        ofSteps = state.Keep(tensor((float)(1 - (1 / options.Beta1)), device: device));
        values = state.Parts(parameters.Values, segments);
        gradients = state.Parts(parameters.Gradients, segments);
        steps = state.Buffers("z", segments, device);
        secondMoments = state.Buffers("exp_avg_sq", segments, device);
        KeepFirstWeights();
    }

    public IReadOnlyDictionary<string, Tensor> State => state.Tensors;

    public void KeepFirstWeights() => FirstValues.Keep(step, values, steps);

    public void Update(double learningRate, Tensor gradientDivisor, Tensor skip)
    {
        using DisposeScope scope = NewDisposeScope();
        using IDisposable noGradients = no_grad();
        if (isNew)
        {
            KeepFirstWeights(); // initial weights may have been loaded meanwhile
            isNew = false;
        }

        Tensor share = (Tensor)script.Call("weigh", step, highest, total, skip, learningRate);
        for (int i = 0; i < segments.Count; i++)
        {
            double rate = learningRate * segments[i].RateFactor;
            script.Call(
                "move", values[i], gradients[i], steps[i], secondMoments[i], step, share, gradientDivisor, skip, rate,
                segments[i].Decays ? options.WeightDecay : 0.0, options.Beta1, options.Beta2, Math.Log(options.Beta2), options.Epsilon);
        }
    }

    // x = y + (1 - 1 / beta1) (z - y).
    public void CopyWeightsToUse(Tensor destination)
    {
        ArgumentNullException.ThrowIfNull(destination);
        using DisposeScope scope = NewDisposeScope();
        using IDisposable noGradients = no_grad();
        destination.copy_(parameters.Values);
        foreach ((ParameterSegment segment, Tensor z) in segments.Zip(steps))
        {
            destination.narrow(0, segment.From, segment.To - segment.From).lerp_(z, ofSteps);
        }
    }

    public void Dispose()
    {
        state.Dispose();
        script.Dispose();
    }
}
