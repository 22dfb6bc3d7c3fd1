namespace Diffusion;

/// <summary>The scheduler classes of diffusers without a counterpart here.</summary>
internal static class UnsupportedSchedulers
{
    private const string Text = "it generates discrete tokens, not images.";
    private const string Video = "it belongs to one video model.";
    private const string Distilled = "it belongs to one distilled model.";

    private static readonly Dictionary<string, string> Reasons = new(StringComparer.Ordinal)
    {
        ["AmusedScheduler"] = Text,
        ["BlockRefinementScheduler"] = Text,
        ["DiscreteDDIMScheduler"] = Text,
        ["EntropyBoundScheduler"] = Text,
        ["VQDiffusionScheduler"] = Text,
        ["CogVideoXDDIMScheduler"] = Video,
        ["CogVideoXDPMScheduler"] = Video,
        ["HeliosScheduler"] = Video,
        ["HeliosDMDScheduler"] = Video,
        ["LTXEulerAncestralRFScheduler"] = Video,
        ["MiniMaxH3Scheduler"] = Video,
        ["FlowMapEulerDiscreteScheduler"] = Distilled,
        ["PiflowScheduler"] = Distilled,
        ["SCMScheduler"] = Distilled,
        ["ConsistencyDecoderScheduler"] = "it belongs to the decoder of one latent model.",
        ["DDPMWuerstchenScheduler"] = "its schedule has continuous times, and belongs to one latent model.",
        ["KarrasVeScheduler"] = "its pipeline scales images and sigma by a half before the network sees them.",
        ["RePaintScheduler"] =
            "it needs the known part of an image. Read it as DDIMScheduler, and put the sampler into a ResamplingSampler.",
        ["ScoreSdeVeScheduler"] = "its network predicts a score and is given sigma, which no parameterization here has.",
    };

    /// <summary>Why a class is not supported.</summary>
    public static string Reason(string name) => Reasons.GetValueOrDefault(name, "it is unknown.");
}
