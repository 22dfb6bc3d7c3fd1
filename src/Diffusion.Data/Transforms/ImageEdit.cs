namespace Diffusion.Data;

/// <summary>Changes the pixels of an image in place. Safe from several threads.</summary>
/// <param name="image">The pixels, at the size of the set.</param>
public delegate void ImageEdit(ImageCanvas image);

/// <summary>Changes the pixels of an image in place, at random. Safe from several threads.</summary>
/// <param name="image">The pixels, at the size of the set.</param>
/// <param name="draws">
/// What to draw from: <c>draws.Uniform(RandomPurpose.Augmentation, 0)</c> is the first number in [0, 1), and so on. Another stream for each
/// image, epoch and transform.
/// </param>
public delegate void RandomImageEdit(ImageCanvas image, SeedStream draws);
