namespace Diffusion.Data;

/// <summary>What happens when an image of a source cannot be read.</summary>
public enum BadImagePolicy
{
    /// <summary>
    /// Another image of the set takes its place, the same one in every process. Batches keep their size, so that several processes stay in
    /// step.
    /// </summary>
    Replace,

    /// <summary>
    /// Its batch is one image smaller, and empty when all of its images are bad. In training a micro-batch's loss is the mean over the
    /// images that are left of it, a step's the mean over the micro-batches that are not empty; a step of empty ones changes nothing.
    /// </summary>
    Skip,

    /// <summary>The run ends with an error that names the image.</summary>
    Throw,
}
