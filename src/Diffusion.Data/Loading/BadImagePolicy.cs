namespace Diffusion.Data;

/// <summary>What to do when an image cannot be read.</summary>
public enum BadImagePolicy
{
    /// <summary>Another image of the set replaces it, the same one in every process. Batches keep their size.</summary>
    Replace,

    /// <summary>
    /// The batch becomes smaller, and is empty when all of its images are bad. In training, the loss of a step is the mean over its
    /// remaining images, in all micro-batches and processes; a step without any image changes nothing.
    /// </summary>
    Skip,

    /// <summary>Throws an error that names the image.</summary>
    Throw,
}
