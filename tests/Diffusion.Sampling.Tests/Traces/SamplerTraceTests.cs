using System.Text.Json;
using Diffusion.TestKit;
using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Sampling.Tests.Traces;

/// <summary>
/// Samplers against recorded runs of diffusers and k-diffusion, call by call, with the recorded noise: <c>samplers</c> below the folder of
/// reference files.
/// </summary>
public sealed class SamplerTraceTests
{
    private const string None = "(none)";

    private static readonly string? Root = ReferenceFolder.Find("samplers");

    // Runs in which the library leaves its own grid (a stride of T / N beside timesteps that are spread otherwise), and one with noise in
    // its last step.
    private static readonly string[] LeavesItsGrid = ["ddim_linspace_wiggle_10", "ddim_trailing_7_wiggle_7"];

    public static TheoryData<string> Ddim => Names("ddim");

    public static TheoryData<string> Ddpm => Names("ddpm");

    public static TheoryData<string> Heun => Names("heun", "k_heun", "flow_heun");

    public static TheoryData<string> MultiStep => Names("k_dpmpp_2m");

    public static TheoryData<string> Adaptive => Names("k_dpm_adaptive");

    [Theory]
    [MemberData(nameof(Ddim))]
    public void Ddim_makes_the_recorded_calls_and_images(string name)
    {
        using SamplerTrace trace = Open(name);
        double[] alphaBars = trace.Numbers("alphas_cumprod");
        int stride = (int)trace.Config("num_train_timesteps")!.Value.GetDouble() / trace.Steps;
        bool endsClean = trace.Config("set_alpha_to_one") is { ValueKind: JsonValueKind.True };
        NoiseLevel last = endsClean ? NoiseLevel.Clean : Preserving(alphaBars[0], 0);
        DdimSampler sampler = new() { Eta = trace.Argument("eta", 0) };
        NoiseLevel[] levels = [.. trace.Numbers("timesteps").Select(t => Preserving(alphaBars[(int)t], t))];
        if (!LeavesItsGrid.Contains(name))
        {
            Follow(trace, NoiseSchedule.Linear(), [.. levels, last], sampler.Walk);
            return;
        }

        // As the library goes: from each timestep by the stride, whatever the next timestep is.
        using TraceDenoiser denoiser = new(trace, NoiseSchedule.Linear());
        TraceNoise noise = new(trace, denoiser);
        using DisposeScope scope = NewDisposeScope();
        Tensor x = trace["initial_sample"].clone();
        foreach (NoiseLevel from in levels)
        {
            int to = (int)from.Time - stride;
            x = sampler.Walk(new SamplingWalk(denoiser, Conditioning.None, [from, to < 0 ? last : Preserving(alphaBars[to], to)], x, noise,
                (_, _, _) => { }, CancellationToken.None));
        }

        Compare(trace, denoiser, x);
    }

    [Theory]
    [MemberData(nameof(Ddpm))]
    public void Ddpm_makes_the_recorded_calls_and_images(string name)
    {
        using SamplerTrace trace = Open(name);
        double[] alphaBars = trace.Numbers("alphas_cumprod");
        DdpmSampler sampler = new()
        {
            Variance = trace.Config("variance_type")!.Value.GetString() switch
            {
                "fixed_small" or "fixed_small_log" => DdpmVariance.FixedSmall,
                "fixed_large" or "fixed_large_log" => DdpmVariance.FixedLarge,
                "learned" => DdpmVariance.Learned,
                _ => DdpmVariance.LearnedRange,
            },
        };

        // The library adds noise in the last step where the grid does not end at timestep 0: our last image has none.
        bool hasNoiseInTheEnd = name.StartsWith("ddpm_trailing_fixed_large", StringComparison.Ordinal);
        Follow(trace, NoiseSchedule.Linear(),
            [.. trace.Numbers("timesteps").Select(t => Preserving(alphaBars[(int)t], t)), NoiseLevel.Clean], sampler.Walk,
                comparesEnd: !hasNoiseInTheEnd);
    }

    [Theory]
    [MemberData(nameof(Heun))]
    public void Heun_makes_the_recorded_calls_and_images(string name)
    {
        using SamplerTrace trace = Open(name);
        bool isFlow = trace.Family == "flow_heun";
        double[] sigmas = trace.Numbers("sigmas");
        if (trace.Family != "k_heun")
        {
            // diffusers lists each inner level twice.
            double[] once = [sigmas[0], .. sigmas[1..^1].Where((_, i) => i % 2 == 0), sigmas[^1]];
            sigmas = isFlow ? once : [.. once.Take(trace.Steps), once.Length > trace.Steps ? once[trace.Steps] : 0];
        }

        HeunSampler sampler = new()
        {
            Path = isFlow ? HeunPath.Own : HeunPath.Ratio,
            Churn = new Churn
            {
                Amount = trace.Argument("s_churn", 0), MinRatio = trace.Argument("s_tmin", 0),
                    MaxRatio = trace.Argument("s_tmax", double.PositiveInfinity),
                NoiseScale = trace.Argument("s_noise", 1),
            },
        };
        INoiseSchedule schedule = isFlow ? new FlowSchedule() : new EdmSchedule(1e-6, 1e6);
        Follow(trace, schedule, [.. sigmas.Select(sigma => new NoiseLevel(isFlow ? 1 - sigma : 1, sigma, sigma))], sampler.Walk);
    }

    [Theory]
    [MemberData(nameof(Adaptive))]
    public void The_adaptive_solver_makes_the_recorded_tries_and_images(string name)
    {
        using SamplerTrace trace = Open(name);
        AdaptiveDpmSolver sampler = new()
        {
            Order = (int)trace.Argument("order", 3), RelativeTolerance = trace.Argument("rtol", 0.05),
                AbsoluteTolerance = trace.Argument("atol", 0.0078),
            FirstStep = trace.Argument("h_init", 0.05), Eta = trace.Argument("eta", 0), NoiseScale = trace.Argument("s_noise", 1),
            Control = new StepControl(trace.Argument("pcoeff", 0), trace.Argument("icoeff", 1), trace.Argument("dcoeff", 0),
                trace.Argument("accept_safety", 0.81)),
        };
        EdmSchedule schedule = new(trace.Grid("sigma_min"), trace.Grid("sigma_max"));
        Follow(trace, schedule, [schedule.At(schedule.LastTime), schedule.At(schedule.FirstTime)], sampler.Walk, tolerance: 1e-6);
    }

    [Theory]
    [MemberData(nameof(MultiStep))]
    public void A_sampler_that_looks_back_at_an_earlier_estimate_makes_the_recorded_calls_and_images(string name)
    {
        using SamplerTrace trace = Open(name);
        Follow(trace, new EdmSchedule(1e-6, 1e6), [.. trace.Numbers("sigmas").Select(sigma => new NoiseLevel(1, sigma, sigma))],
            new TwoStep().Walk);
    }

    private static void Follow(
        SamplerTrace trace, INoiseSchedule schedule, IReadOnlyList<NoiseLevel> levels, Func<SamplingWalk, Tensor> walk,
            bool comparesEnd = true, double tolerance = 1e-8)
    {
        using TraceDenoiser denoiser = new(trace, schedule);
        using DisposeScope scope = NewDisposeScope();
        Tensor end = walk(new SamplingWalk(
            denoiser, Conditioning.None, levels, trace["initial_sample"].clone(), new TraceNoise(trace, denoiser), (_, _, _) =>
                { }, CancellationToken.None));
        Compare(trace, denoiser, comparesEnd ? end : null, tolerance);
    }

    private static void Compare(SamplerTrace trace, TraceDenoiser denoiser, Tensor? end, double tolerance = 1e-8)
    {
        denoiser.Asked.Should().HaveCount((int)trace.Calls.shape[0], "the model is called as often as it was");
        for (int call = 0; call < denoiser.Asked.Count; call++)
        {
            using Tensor recorded = trace.Calls[call];
            double size = Math.Max(1, recorded.abs().max().item<double>());
            denoiser.Asked[call].MaxDifference(recorded).Should().BeLessThan(tolerance * size, "call {0}", call);
        }

        end?.MaxDifference(trace["final_sample"]).Should().BeLessThan(tolerance);
    }

    private static NoiseLevel Preserving(double alphaBar, double timestep) => new(Math.Sqrt(alphaBar), Math.Sqrt(1 - alphaBar), timestep);

    private static SamplerTrace Open(string name)
    {
        Assert.SkipWhen(Root is null, ReferenceFolder.Missing);
        name.Should().NotBe(None, $"{Root} must hold runs of this sampler");
        return new SamplerTrace(Path.Combine(Root!, name));
    }

    private static TheoryData<string> Names(params string[] families)
    {
        if (Root is null)
        {
            return [None];
        }

        using JsonDocument index = JsonDocument.Parse(File.ReadAllText(Path.Combine(Root, "index.json")));
        string[] names = [.. Directory.GetDirectories(Root).Select(folder => Path.GetFileName(folder)!).Where(IsOne)
            .Order(StringComparer.Ordinal)];
        return [.. names.DefaultIfEmpty(None)];

        bool IsOne(string name) => File.Exists(Path.Combine(Root!, name, "trace.safetensors"))
            && index.RootElement.TryGetProperty(name, out JsonElement entry) && families.Contains(entry.GetProperty("family").GetString())
            && (!entry.TryGetProperty("kind", out JsonElement kind) || kind.GetString() == "trace");
    }
}
