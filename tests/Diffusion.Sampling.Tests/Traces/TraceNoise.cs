using static TorchSharp.torch;

namespace Diffusion.Sampling.Tests.Traces;

/// <summary>
/// The recorded noise, found by how often the model had been called before it was drawn; or in the order it was drawn, for runs whose
/// library draws it elsewhere in the step.
/// </summary>
public sealed class TraceNoise(SamplerTrace trace, TraceDenoiser denoiser, bool isInOrder = false) : IStepNoise
{
    private readonly Dictionary<int, int> used = [];

    public Tensor Draw(int step, int draw, NoiseLevel from, NoiseLevel to) =>
        isInOrder ? trace["noise"][used[0] = used.GetValueOrDefault(0, -1) + 1].clone() : AfterCall(denoiser.Asked.Count - 1);

    /// <summary>The noise of both parts is recorded: the second is drawn after the call at the inner level.</summary>
    public (Tensor Part, Tensor Whole) DrawPath(int step, int draw, NoiseLevel from, NoiseLevel middle, NoiseLevel to) =>
        (AfterCall(denoiser.Asked.Count - 1), AfterCall(denoiser.Asked.Count));

    private Tensor AfterCall(int call)
    {
        int[] drawnThen = [.. trace.Numbers("noise_call").Select((at, index) => (at, index)).Where(pair => (int)pair.at == call)
            .Select(pair => pair.index)];
        int place = used.GetValueOrDefault(call);
        used[call] = place + 1;
        return trace["noise"][drawnThen[place]].clone();
    }
}
