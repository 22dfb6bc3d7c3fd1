using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Training;

/// <summary>
/// AdamW over flat buffers: libtorch's fused operator, reached through TorchScript, once for decayed and once for plain parameters.
/// </summary>
internal sealed class AdamW : IOptimizer
{
    // The operator leaves everything unchanged where `skip` is 1, and divides the gradients by `divisor`. It does not count steps.
    private const string Source = """
        def update(p: List[Tensor], g: List[Tensor], m: List[Tensor], v: List[Tensor], steps: List[Tensor], divisor: Tensor, skip: Tensor,
                   lr: float, decay: float, beta1: float, beta2: float, eps: float):
            none : List[Tensor] = []
            torch._fused_adamw_(p, g, m, v, none, steps, lr=lr, beta1=beta1, beta2=beta2, weight_decay=decay, eps=eps, amsgrad=False,
                                maximize=False, grad_scale=divisor, found_inf=skip)
            return steps[0]

        """;

    private readonly AdamWFactory options;
    private readonly jit.CompilationUnit script;
    private readonly Tensor firstMoments;
    private readonly Tensor secondMoments;
    private readonly Tensor steps;
    private readonly Segment[] segments;

    public AdamW(FlatParameters parameters, AdamWFactory options)
    {
        this.options = options;
        script = jit.compile(Source);
        firstMoments = zeros_like(parameters.Values).DetachFromDisposeScope();
        secondMoments = zeros_like(parameters.Values).DetachFromDisposeScope();
        steps = zeros(1, ScalarType.Float32, parameters.Values.device).DetachFromDisposeScope();

        segments =
        [
            .. new[]
            {
                (From: 0L, To: parameters.DecayedLength, Decay: options.WeightDecay),
                (From: parameters.DecayedLength, To: parameters.TrainedLength, Decay: 0.0),
            }.Where(part => part.To > part.From).Select(part => new Segment(
                Part(parameters.Values, part.From, part.To),
                Part(parameters.Gradients, part.From, part.To),
                Part(firstMoments, part.From, part.To),
                Part(secondMoments, part.From, part.To),
                part.Decay)),
        ];
        State = NamedState(parameters);
    }

    public IReadOnlyDictionary<string, Tensor> State { get; }

    public void Update(double learningRate, Tensor gradientDivisor, Tensor skip)
    {
        using DisposeScope scope = NewDisposeScope();
        using IDisposable noGradients = no_grad();
        steps.add_(ones_like(skip) - skip);
        foreach (Segment part in segments)
        {
            script.invoke(
                "update",
                (Tensor[])[part.Values], (Tensor[])[part.Gradients], (Tensor[])[part.First], (Tensor[])[part.Second], (Tensor[])[steps],
                gradientDivisor, skip, learningRate, part.Decay, options.Beta1, options.Beta2, options.Epsilon);
        }
    }

    public void Dispose()
    {
        foreach (Tensor tensor in State.Values.Concat(segments.SelectMany(part => part.Tensors)).Append(firstMoments).Append(secondMoments))
        {
            tensor.Dispose();
        }

        script.Dispose();
    }

    private static Tensor Part(Tensor flat, long from, long to) => flat.narrow(0, from, to - from).DetachFromDisposeScope();

    private Dictionary<string, Tensor> NamedState(FlatParameters parameters)
    {
        Dictionary<string, Tensor> state = new(StringComparer.Ordinal) { ["step"] = steps };
        foreach ((string kind, Tensor moments) in ((string, Tensor)[])[("exp_avg", firstMoments), ("exp_avg_sq", secondMoments)])
        {
            foreach ((string name, Tensor view) in parameters.TrainedViews(moments))
            {
                state[$"{kind}.{name}"] = view;
            }
        }

        return state;
    }

    private sealed record Segment(Tensor Values, Tensor Gradients, Tensor First, Tensor Second, double Decay)
    {
        public IEnumerable<Tensor> Tensors => [Values, Gradients, First, Second];
    }
}
