namespace Diffusion.Data;

/// <summary>A user-defined change of pixels.</summary>
internal sealed class EditTransform(string name, bool isRandom, Action<ImageCanvas, SeedStream> edit) : PixelTransform(name, isRandom)
{
    public override void Apply(ImageCanvas image, SeedStream draws) => edit(image, draws);
}
