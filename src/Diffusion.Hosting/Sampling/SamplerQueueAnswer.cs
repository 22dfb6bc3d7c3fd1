namespace Diffusion.Hosting;

/// <summary>What a queue says to a further request.</summary>
internal enum SamplerQueueAnswer
{
    /// <summary>It waits.</summary>
    Added,

    /// <summary>As many wait as may.</summary>
    Full,

    /// <summary>The host has stopped.</summary>
    Closed,
}
