namespace Diffusion.Training;

/// <summary>What happens when an image of a source cannot be read.</summary>
public enum BadImagePolicy
{
    /// <summary>
    /// Another image of the set takes its place, the same one in every process. Batches keep their size, so that several processes stay in
    /// step.
    /// </summary>
    Replace,

    /// <summary>Its batch is one image smaller. A batch of which nothing is left is an error.</summary>
    Skip,

    /// <summary>The run ends with an error that names the image.</summary>
    Throw,
}
