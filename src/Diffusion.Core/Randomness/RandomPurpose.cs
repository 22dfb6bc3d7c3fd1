namespace Diffusion;

/// <summary>
/// The purpose of a random number. Different purposes never share numbers. The values are not stored in files, but determine every draw.
/// </summary>
public enum RandomPurpose
{
    /// <summary>The initial weights of a network.</summary>
    Initialization = 1,

    /// <summary>The order in which training reads its data; indexed by epoch.</summary>
    DataOrder = 2,

    /// <summary>Which images are held out.</summary>
    HoldOut = 3,

    /// <summary>The timestep of a training image; indexed by its position in the run.</summary>
    Timestep = 4,

    /// <summary>The noise of a training image; indexed by its position in the run.</summary>
    Noise = 5,

    /// <summary>Dropout; indexed by the position of a micro-batch's first image in the run.</summary>
    Dropout = 6,

    /// <summary>The noise that sampling starts from; indexed by the image.</summary>
    InitialNoise = 7,

    /// <summary>The noise that a sampler adds at each step; indexed by image and step.</summary>
    StepNoise = 8,

    /// <summary>Random changes of an image as it is read (flips, crops); indexed by its position in the run.</summary>
    Augmentation = 9,

    /// <summary>Generated pictures; indexed by the picture.</summary>
    Drawing = 10,

    /// <summary>The replacement of an image that cannot be read; indexed by its position in the run.</summary>
    Replacement = 11,

    /// <summary>The offset of a training image's noise; indexed by its position in the run.</summary>
    OffsetNoise = 12,

    /// <summary>The noise that perturbs a training image and is not predicted; indexed by its position in the run.</summary>
    InputPerturbation = 13,

    /// <summary>Whether the class of a training image is dropped; indexed by its position in the run.</summary>
    LabelDropout = 14,

    /// <summary>Whether a training image is self-conditioned; indexed by its position in the run.</summary>
    SelfConditioning = 15,
}
