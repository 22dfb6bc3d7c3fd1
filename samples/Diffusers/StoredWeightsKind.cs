namespace Diffusers;

/// <summary>The weights of a run that are exported.</summary>
internal enum StoredWeightsKind
{
    /// <summary>The averaged weights.</summary>
    Ema,

    /// <summary>The network's own weights.</summary>
    Raw,
}
