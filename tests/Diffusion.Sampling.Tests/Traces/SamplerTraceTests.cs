using Diffusion.TestKit;
using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Sampling.Tests.Traces;

/// <summary>
/// Samplers against recorded runs of diffusers and k-diffusion, call by call, with the recorded noise, over the recorded levels. Where the
/// library leaves the derivation, the sampler is compared with <see cref="Derivation"/>.
/// </summary>
public sealed class SamplerTraceTests
{
    public static TheoryData<string> Runs => TraceFolder.Runs;

    [Theory]
    [MemberData(nameof(Runs))]
    public void A_sampler_makes_the_recorded_calls_and_images(string name)
    {
        using SamplerTrace trace = TraceFolder.Open(name);
        if (TraceFolder.HasFault(name, "step"))
        {
            Derivation.Compare(trace);
            return;
        }

        INoiseSchedule schedule = TraceLevels.Schedule(trace);
        using TraceDenoiser denoiser = new(trace, schedule);
        using DisposeScope scope = NewDisposeScope();
        Tensor end = TraceSamplers.Of(trace)(new SamplingWalk(denoiser, Conditioning.None, TraceLevels.Of(trace),
            trace["initial_sample"].clone(), new TraceNoise(trace, denoiser), (_, _, _) => { }, CancellationToken.None));
        denoiser.Asked.Should().HaveCount((int)trace.Calls.shape[0], "the model is called as often as it was");
        double tolerance = TraceTolerance.Of(trace);
        for (int call = 0; call < denoiser.Asked.Count; call++)
        {
            using Tensor recorded = trace.Calls[call];
            double size = Math.Max(1, recorded.abs().max().item<double>());
            denoiser.Asked[call].MaxDifference(recorded).Should().BeLessThan(tolerance * size, "call {0}", call);
        }

        end.MaxDifference(trace["final_sample"]).Should().BeLessThan(tolerance);
    }
}
