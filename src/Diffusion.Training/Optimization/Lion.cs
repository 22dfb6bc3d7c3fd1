using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Training;

/// <summary>Lion (Chen et al. 2023, algorithm 2) over flat buffers: the sign of an interpolated momentum.</summary>
internal sealed class Lion : IOptimizer
{
    // Where `skip` is 1, x * 1 and x + (-0) leave every bit of x. TorchScript takes the constants 0.0 and -0.0 for one.
    private const string Source = """
        def lion(p: Tensor, g: Tensor, m: Tensor, divisor: Tensor, skip: Tensor, lr: float, decay: float, beta1: float, beta2: float):
            skipped = skip > 0
            g.div_(divisor).masked_fill_(skipped, -0.0)
            direction = torch.lerp(m, g, 1.0 - beta1).sign_().masked_fill_(skipped, torch.zeros_like(skip))
            if decay > 0:
                p.mul_(torch.where(skipped, 1.0, 1.0 - lr * decay))
            p.add_(direction, alpha=-lr)
            m.mul_(torch.where(skipped, 1.0, beta2)).add_(g, alpha=1.0 - beta2)
            return p

        """;

    private readonly OptimizerState state = new();
    private readonly IReadOnlyList<ParameterSegment> segments;
    private readonly LionFactory options;
    private readonly jit.CompilationUnit script;
    private readonly Tensor[] values;
    private readonly Tensor[] gradients;
    private readonly Tensor[] momentum;

    public Lion(FlatParameters parameters, LionFactory options)
    {
        this.options = options;
        segments = parameters.Segments;
        script = jit.compile(Source);
        values = state.Parts(parameters.Values, segments);
        gradients = state.Parts(parameters.Gradients, segments);
        momentum = state.Buffers("exp_avg", segments, parameters.Values.device);
    }

    public IReadOnlyDictionary<string, Tensor> State => state.Tensors;

    public void Update(double learningRate, Tensor gradientDivisor, Tensor skip)
    {
        using DisposeScope scope = NewDisposeScope();
        using IDisposable noGradients = no_grad();
        for (int i = 0; i < segments.Count; i++)
        {
            script.Call("lion", values[i], gradients[i], momentum[i], gradientDivisor, skip, learningRate * segments[i].RateFactor,
                segments[i].Decays ? options.WeightDecay : 0.0, options.Beta1, options.Beta2);
        }
    }

    public void Dispose()
    {
        state.Dispose();
        script.Dispose();
    }
}
