using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Training;

/// <summary>
/// Muon (Jordan 2024): the momentum of each matrix, made orthogonal. AdamW trains everything else. Matrices of equal shape are made
/// orthogonal together.
/// </summary>
internal sealed class Muon : IOptimizer
{
    private const double Epsilon = 1e-7;
    private const double RateScale = 0.2;

    // `settle` leaves in g the Nesterov momentum. Where `skip` is 1, x * 1 and x + (-0) leave every bit of x.
    private const string Source = """
        def settle(g: Tensor, momentum: Tensor, divisor: Tensor, skip: Tensor, beta: float):
            skipped = skip > 0
            g.div_(divisor).masked_fill_(skipped, -0.0)
            momentum.mul_(torch.where(skipped, 1.0, beta)).add_(g)
            g.add_(momentum, alpha=beta)
            return g

        def orthogonalize(matrices: List[Tensor], scale: float, epsilon: float, kind: int):
            x = torch.stack(matrices)
            x = (x / (torch.linalg_vector_norm(x, 2.0, [1, 2], True) + epsilon)).to(kind)
            for _ in range(5):
                a = torch.bmm(x, x.transpose(1, 2))
                b = torch.baddbmm(a, a, a, beta=-4.7750, alpha=2.0315)
                x = torch.baddbmm(x, b, x, beta=3.4445, alpha=1.0)
            x = x.to(matrices[0].dtype) * scale
            torch._foreach_copy_(matrices, torch.unbind(x))
            return x

        def move(p: Tensor, u: Tensor, skip: Tensor, lr: float, decay: float):
            skipped = skip > 0
            p.mul_(torch.where(skipped, 1.0, 1.0 - lr * decay))
            p.add_(u.mul_(-lr).masked_fill_(skipped, -0.0))
            return p

        """;

    private readonly OptimizerState state = new();
    private readonly MuonFactory options;
    private readonly IReadOnlyList<ParameterSegment> segments;
    private readonly FusedAdam rest;
    private readonly jit.CompilationUnit script;
    private readonly Tensor[] values;
    private readonly Tensor[] gradients;
    private readonly Tensor[] momentum;
    private readonly (Tensor[] Matrices, double Scale)[] shapes;
    private readonly int kind;

    public Muon(FlatParameters parameters, MuonFactory options)
    {
        this.options = options;
        Device device = parameters.Values.device;
        kind = (int)(device.type == DeviceType.CUDA ? ScalarType.BFloat16 : ScalarType.Float32);
        FlatEntry[] trained = [.. parameters.Segments.SelectMany(segment => segment.Entries)];
        FlatEntry[] hidden = [.. MuonMatrices.Hidden(parameters.Layout.Entries)];
        segments = ParameterSegment.Of(hidden);
        rest = new FusedAdam(parameters, ParameterSegment.Of(trained.Except(hidden)), options.Settings);
        script = jit.compile(Source);
        values = state.Parts(parameters.Values, segments);
        gradients = state.Parts(parameters.Gradients, segments);
        momentum = state.Buffers("momentum", segments, device);
        shapes =
        [
            .. hidden.SelectMany(entry => MuonMatrices.Of(parameters.Gradients, entry, options.Fused).Select(state.Keep))
                .GroupBy(matrix => (matrix.shape[0], matrix.shape[1]))
                .Select(equal => (equal.ToArray(), RateScale * Math.Sqrt(Math.Max(equal.Key.Item1, equal.Key.Item2)))),
        ];
        State = rest.State.Concat(state.Tensors).ToDictionary(StringComparer.Ordinal);
    }

    public IReadOnlyDictionary<string, Tensor> State { get; }

    public void Update(double learningRate, Tensor gradientDivisor, Tensor skip)
    {
        using DisposeScope scope = NewDisposeScope();
        using IDisposable noGradients = no_grad();
        rest.Update(learningRate, gradientDivisor, skip);
        for (int i = 0; i < segments.Count; i++)
        {
            script.Call("settle", gradients[i], momentum[i], gradientDivisor, skip, options.Momentum);
        }

        foreach ((Tensor[] matrices, double scale) in shapes)
        {
            using DisposeScope shape = NewDisposeScope();
            script.Call("orthogonalize", matrices, scale, Epsilon, kind);
        }

        for (int i = 0; i < segments.Count; i++)
        {
            script.Call("move", values[i], gradients[i], skip, learningRate * segments[i].RateFactor,
                segments[i].Decays ? options.WeightDecay : 0.0);
        }
    }

    public void Dispose()
    {
        rest.Dispose();
        state.Dispose();
        script.Dispose();
    }
}
