using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Training;

/// <summary>
/// AdamW whose two moments of each weight take one byte each (Dettmers et al. 2022, block-wise dynamic quantization). Biases, the gains of
/// normalizations and the parameters of the objective keep moments in float32.
/// </summary>
internal sealed class AdamW8Bit : IOptimizer
{
    // Elements that are decoded at a time, so that the float32 copies stay small. A GPU takes more: each chunk starts about fifty kernels.
    private const long Chunk = 1 << 20;
    private const long ChunkOfGpu = 1 << 22;

    // A moment is code[index] times the largest magnitude of its block. `between` are the limits between two codes. 3 is int32.
    // Where `skip` is 1, the old codes and scales are written back, and x * 1 and x + (-0) leave every bit of x. 1 - beta^t is computed as
    // -expm1(t log beta), which is exact for betas close to 1.
    private const string Source = """
        def decode(codes: Tensor, scales: Tensor, table: Tensor):
            return torch.index_select(table, 0, codes.to(3)).view(scales.size(0), -1).mul_(scales.unsqueeze(1)).view(-1)

        def encode(x: Tensor, codes: Tensor, scales: Tensor, between: Tensor, skipped: Tensor):
            blocks = x.view(scales.size(0), -1)
            largest = blocks.abs().amax(1)
            scaled = blocks / largest.clamp(min=1e-38).unsqueeze(1)
            new = torch.bucketize(scaled.view(-1), between, out_int32=True).to(codes.dtype)
            codes.copy_(torch.where(skipped, codes, new))
            scales.copy_(torch.where(skipped, scales, largest))
            return codes

        def adamw(p: Tensor, g: Tensor, mc: Tensor, ms: Tensor, vc: Tensor, vs: Tensor, step: Tensor, divisor: Tensor, skip: Tensor,
                  tables: List[Tensor], lr: float, decay: float, beta1: float, beta2: float, log1: float, log2: float, eps: float):
            skipped = skip > 0
            g.div_(divisor).masked_fill_(skipped, -0.0)
            m = decode(mc, ms, tables[0]).mul_(beta1).add_(g, alpha=1.0 - beta1)
            v = decode(vc, vs, tables[1]).mul_(beta2).addcmul_(g, g, value=1.0 - beta2)
            steps = torch.clamp(step, min=1.0)
            size = lr / torch.expm1(steps * log1)
            change = (m / v.sqrt().div_(torch.sqrt(-torch.expm1(steps * log2))).add_(eps)).mul_(size).masked_fill_(skipped, -0.0)
            if decay > 0:
                p.mul_(torch.where(skipped, 1.0, 1.0 - lr * decay))
            p.add_(change)
            encode(m, mc, ms, tables[2], skipped)
            encode(v, vc, vs, tables[3], skipped)
            return p

        """;

    private readonly OptimizerState state = new();
    private readonly FusedAdam plain;
    private readonly AdamSettings settings;
    private readonly jit.CompilationUnit script;
    private readonly Tensor step;
    private readonly Tensor[] tables;
    private readonly List<Part> parts = [];

    /// <param name="parameters">The parameters.</param>
    /// <param name="settings">The numbers of the algorithm.</param>
    /// <param name="chunk">
    /// The elements that are decoded at a time, a multiple of <see cref="FlatLayout.Alignment"/>; changes no bit. Null, the default, for
    /// those that suit the device.
    /// </param>
    public AdamW8Bit(FlatParameters parameters, AdamSettings settings, long? chunk = null)
    {
        this.settings = settings;
        Device device = parameters.Values.device;
        script = jit.compile(Source);
        FlatEntry[] trained = [.. parameters.Segments.SelectMany(segment => segment.Entries)];
        plain = new FusedAdam(parameters, ParameterSegment.Of(trained.Where(entry => !IsQuantized(entry))), settings);
        step = plain.State["step"];
        (float[] signed, float[] unsigned) = (DynamicCode.Signed, DynamicCode.Unsigned);
        tables = [.. new[] { signed, unsigned, DynamicCode.Between(signed), DynamicCode.Between(unsigned) }
            .Select(table => state.Keep(tensor(table, device: device)))];
        foreach (ParameterSegment segment in ParameterSegment.Of(trained.Where(IsQuantized)))
        {
            Add(parameters, segment, chunk ?? (device.type == DeviceType.CUDA ? ChunkOfGpu : Chunk));
        }

        State = plain.State.Concat(state.Tensors).ToDictionary(StringComparer.Ordinal);
    }

    public IReadOnlyDictionary<string, Tensor> State { get; }

    public void Update(double learningRate, Tensor gradientDivisor, Tensor skip)
    {
        using DisposeScope scope = NewDisposeScope();
        using IDisposable noGradients = no_grad();
        plain.Update(learningRate, gradientDivisor, skip); // counts the step
        foreach (Part part in parts)
        {
            using DisposeScope chunk = NewDisposeScope();
            script.Call(
                "adamw", part.Values, part.Gradients, part.FirstCodes, part.FirstScales, part.SecondCodes, part.SecondScales, step,
                gradientDivisor, skip, tables, learningRate * part.RateFactor, part.Decays ? settings.WeightDecay : 0.0, settings.Beta1,
                settings.Beta2, Math.Log(settings.Beta1), Math.Log(settings.Beta2), settings.Epsilon);
        }
    }

    public void Dispose()
    {
        plain.Dispose();
        state.Dispose();
        script.Dispose();
    }

    // Biases and gains keep float32, and matrices do not, whatever a rule says of their decay.
    private static bool IsQuantized(FlatEntry entry) => entry is { Group: not ParameterGroup.Objective, Shape.Count: >= 2 };

    private void Add(FlatParameters parameters, ParameterSegment segment, long chunk)
    {
        (Tensor Codes, Tensor Scales) first = Moments("exp_avg", segment, DynamicCode.ZeroOf(DynamicCode.Signed), step.device);
        (Tensor Codes, Tensor Scales) second = Moments("exp_avg_sq", segment, DynamicCode.ZeroOf(DynamicCode.Unsigned), step.device);
        for (long from = segment.From; from < segment.To; from += chunk)
        {
            long length = Math.Min(chunk, segment.To - from);
            (long at, long block, long blocks) = (from - segment.From, (from - segment.From) / Block, length / Block);
            parts.Add(new Part(
                state.Keep(parameters.Values.narrow(0, from, length)), state.Keep(parameters.Gradients.narrow(0, from, length)),
                state.Keep(first.Codes.narrow(0, at, length)), state.Keep(first.Scales.narrow(0, block, blocks)),
                state.Keep(second.Codes.narrow(0, at, length)), state.Keep(second.Scales.narrow(0, block, blocks)), segment.Decays,
                segment.RateFactor));
        }
    }

    // A parameter starts at a multiple of the block, so that each block belongs to one parameter.
    private static long Block => FlatLayout.Alignment;

    private (Tensor Codes, Tensor Scales) Moments(string kind, ParameterSegment segment, byte zero, Device device)
    {
        long length = segment.To - segment.From;
        Tensor codes = state.Name($"{kind}.codes", segment, state.Keep(zeros(length, ScalarType.Byte, device)));
        codes.Fill(zero);
        Tensor scales = state.Keep(zeros(length / Block, ScalarType.Float32, device));
        foreach (FlatEntry entry in segment.Entries)
        {
            state.Add($"{kind}.scales.{entry.Name}", scales.narrow(
                0, (entry.Offset - segment.From) / Block, (FlatLayout.EndOf(entry) - entry.Offset) / Block));
        }

        return (codes, scales);
    }

    private sealed record Part(Tensor Values, Tensor Gradients, Tensor FirstCodes, Tensor FirstScales, Tensor SecondCodes,
        Tensor SecondScales, bool Decays, double RateFactor);
}
