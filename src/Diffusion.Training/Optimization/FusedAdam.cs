using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Training;

/// <summary>Adam and AdamW over flat buffers: libtorch's fused operators, reached through TorchScript, once for each segment.</summary>
internal sealed class FusedAdam : IOptimizer
{
    // The operators leave everything unchanged where `skip` is 1, and divide the gradients by `divisor`. They do not count steps.
    private const string Source = """
        def adamw(p: List[Tensor], g: List[Tensor], m: List[Tensor], v: List[Tensor], steps: List[Tensor], divisor: Tensor, skip: Tensor,
                  lr: float, decay: float, beta1: float, beta2: float, eps: float):
            none : List[Tensor] = []
            torch._fused_adamw_(p, g, m, v, none, steps, lr=lr, beta1=beta1, beta2=beta2, weight_decay=decay, eps=eps, amsgrad=False,
                                maximize=False, grad_scale=divisor, found_inf=skip)
            return steps[0]

        def adam(p: List[Tensor], g: List[Tensor], m: List[Tensor], v: List[Tensor], steps: List[Tensor], divisor: Tensor, skip: Tensor,
                 lr: float, decay: float, beta1: float, beta2: float, eps: float):
            none : List[Tensor] = []
            torch._fused_adam_(p, g, m, v, none, steps, lr=lr, beta1=beta1, beta2=beta2, weight_decay=decay, eps=eps, amsgrad=False,
                               maximize=False, grad_scale=divisor, found_inf=skip)
            return steps[0]

        """;

    private readonly OptimizerState state = new();
    private readonly IReadOnlyList<ParameterSegment> segments;
    private readonly AdamSettings settings;
    private readonly jit.CompilationUnit script;
    private readonly Tensor steps;
    private readonly Tensor[] values;
    private readonly Tensor[] gradients;
    private readonly Tensor[] firstMoments;
    private readonly Tensor[] secondMoments;

    /// <param name="parameters">The parameters.</param>
    /// <param name="segments">Those of their segments to train.</param>
    /// <param name="settings">The numbers of the algorithm.</param>
    public FusedAdam(FlatParameters parameters, IReadOnlyList<ParameterSegment> segments, AdamSettings settings)
    {
        (this.segments, this.settings) = (segments, settings);
        Device device = parameters.Values.device;
        script = jit.compile(Source);
        steps = state.Number("step", 0, device);
        values = state.Parts(parameters.Values, segments);
        gradients = state.Parts(parameters.Gradients, segments);
        firstMoments = state.Buffers("exp_avg", segments, device);
        secondMoments = state.Buffers("exp_avg_sq", segments, device);
    }

    public IReadOnlyDictionary<string, Tensor> State => state.Tensors;

    public void Update(double learningRate, Tensor gradientDivisor, Tensor skip)
    {
        using DisposeScope scope = NewDisposeScope();
        using IDisposable noGradients = no_grad();
        steps.Increase(ones_like(skip) - skip);
        for (int i = 0; i < segments.Count; i++)
        {
            script.Call(
                settings.IsDecoupled ? "adamw" : "adam",
                (Tensor[])[values[i]], (Tensor[])[gradients[i]], (Tensor[])[firstMoments[i]], (Tensor[])[secondMoments[i]],
                (Tensor[])[steps], gradientDivisor, skip, learningRate * segments[i].RateFactor,
                segments[i].Decays ? settings.WeightDecay : 0.0, settings.Beta1, settings.Beta2, settings.Epsilon);
        }
    }

    public void Dispose()
    {
        state.Dispose();
        script.Dispose();
    }
}
