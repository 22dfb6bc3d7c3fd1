using static TorchSharp.torch;

namespace Diffusion.Sampling.Tests.Traces;

/// <summary>The recorded noise, found by how often the model had been called before it was drawn.</summary>
public sealed class TraceNoise(SamplerTrace trace, TraceDenoiser denoiser) : IStepNoise
{
    private readonly Dictionary<int, int> used = [];

    public Tensor Draw(int step, int draw, NoiseLevel from, NoiseLevel to)
    {
        int calls = denoiser.Asked.Count - 1;
        int[] drawnThen = [.. trace.Numbers("noise_call").Select((call, index) => (call, index)).Where(pair => (int)pair.call == calls)
            .Select(pair => pair.index)];
        int place = used.GetValueOrDefault(calls);
        used[calls] = place + 1;
        return trace["noise"][drawnThen[place]].clone();
    }
}
