namespace Diffusion;

/// <summary>The scheduler classes of diffusers that are supported.</summary>
internal static class DiffusersSchedulerClasses
{
    private static readonly Dictionary<string, DiffusersSchedulerClass> ByName = ((DiffusersSchedulerClass[])
    [
        DdpmClass.Of("DDPMScheduler"),
        DdpmClass.Of("DDPMParallelScheduler"),
        UnClipClass.Of("UnCLIPScheduler"),
        DdimClass.Of("DDIMScheduler"),
        DdimClass.Of("DDIMParallelScheduler"),
        DdimInverseClass.Of("DDIMInverseScheduler"),
        PndmClass.Of("PNDMScheduler"),
        IpndmClass.Of("IPNDMScheduler"),
        EulerClass.Of("EulerDiscreteScheduler"),
        EulerAncestralClass.Of("EulerAncestralDiscreteScheduler"),
        HeunClass.Of("HeunDiscreteScheduler"),
        LmsClass.Of("LMSDiscreteScheduler"),
        Kdpm2Class.Of("KDPM2DiscreteScheduler"),
        Kdpm2Class.Of("KDPM2AncestralDiscreteScheduler"),
        DpmSdeClass.Of("DPMSolverSDEScheduler"),
        DpmMultistepClass.Of("DPMSolverMultistepScheduler"),
        DpmMultistepClass.Inverse("DPMSolverMultistepInverseScheduler"),
        DpmSinglestepClass.Of("DPMSolverSinglestepScheduler"),
        DeisClass.Of("DEISMultistepScheduler"),
        UniPcClass.Of("UniPCMultistepScheduler"),
        SaSolverClass.Of("SASolverScheduler"),
        LcmClass.Of("LCMScheduler"),
        LcmClass.Of("TCDScheduler"),
        FlowMatchClass.Euler("FlowMatchEulerDiscreteScheduler"),
        FlowMatchClass.Heun("FlowMatchHeunDiscreteScheduler"),
        FlowMatchClass.Lcm("FlowMatchLCMScheduler"),
        EdmClass.Euler("EDMEulerScheduler"),
        EdmClass.DpmMultistep("EDMDPMSolverMultistepScheduler"),
        EdmClass.Cosine("CosineDPMSolverMultistepScheduler"),
        EdmClass.Consistency(DiffusersClasses.ConsistencyScheduler),
    ]).ToDictionary(one => one.Name, StringComparer.Ordinal);

    // The first class that has a key says what type of value it has.
    private static readonly Dictionary<string, DiffusersSetting> AllKeys = ByName.Values
        .SelectMany(one => one.Settings.Concat(one.Source.Keys)).DistinctBy(key => key.Name, StringComparer.Ordinal)
        .ToDictionary(key => key.Name, StringComparer.Ordinal);

    /// <summary>The names of the classes.</summary>
    public static IReadOnlyList<string> Names { get; } = [.. ByName.Keys];

    /// <summary>The keys of all classes.</summary>
    public static IReadOnlyDictionary<string, DiffusersSetting> Keys => AllKeys;

    /// <summary>The class of a name; null if it is not supported.</summary>
    public static DiffusersSchedulerClass? Find(string name) => ByName.GetValueOrDefault(name);

    /// <summary>The class of a name.</summary>
    /// <exception cref="FormatException">It is not supported; the message says why.</exception>
    public static DiffusersSchedulerClass Of(string name) => Find(name) ?? throw new FormatException(Unsupported(name));

    /// <summary>Says why there is no class of a name.</summary>
    public static string Unsupported(string name) =>
        $"the scheduler \"{name}\" is not supported: {UnsupportedSchedulers.Reason(name)} There are {string.Join(", ", Names)}.";
}
