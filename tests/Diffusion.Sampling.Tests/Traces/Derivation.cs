namespace Diffusion.Sampling.Tests.Traces;

public static class Derivation
{
    public static void Compare(SamplerTrace trace) => throw new NotImplementedException(trace.Name);
}
