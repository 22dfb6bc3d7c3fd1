using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Training;

/// <summary>What offset noise and input perturbation make of the noise of a micro-batch.</summary>
internal static class NoiseChange
{
    /// <summary>The noise that is predicted and the noise that makes the noisy images, drawn by the positions of the images.</summary>
    /// <param name="input">The images with their noise.</param>
    /// <param name="offset">The strength of the offset; 0 for none.</param>
    /// <param name="perturbation">The strength of the perturbation; 0 for none.</param>
    /// <returns>Both <c>[B, C, H, W]</c>; they belong to the caller.</returns>
    public static (Tensor Predicted, Tensor Mixed) Of(ObjectiveInput input, double offset, double perturbation)
    {
        Tensor noise = input.Noise;
        if (offset == 0 && perturbation == 0)
        {
            return (noise.alias(), noise.alias());
        }

        if (input.Positions.Count != noise.shape[0])
        {
            throw new ArgumentException(
                $"Positions has {input.Positions.Count} numbers for {noise.shape[0]} images, but offset noise and input perturbation are "
                + "drawn by position. Give one position for each image.", nameof(input));
        }

        using DisposeScope scope = NewDisposeScope();
        long[] positions = [.. input.Positions];
        ImageShape shape = new((int)noise.shape[1], (int)noise.shape[2], (int)noise.shape[3]);
        Tensor? offsets = offset == 0
            ? null
            : NormalNoise.Draw(input.Seeds, RandomPurpose.OffsetNoise, positions, new ImageShape(shape.Channels, 1, 1)); // [B, C, 1, 1]
        Tensor? perturbations = perturbation == 0
            ? null
            : NormalNoise.Draw(input.Seeds, RandomPurpose.InputPerturbation, positions, shape); // [B, C, H, W]
        (Tensor predicted, Tensor mixed) = Of(noise, offsets, offset, perturbations, perturbation);
        return (predicted.MoveToOuterDisposeScope(), mixed.MoveToOuterDisposeScope());
    }

    /// <summary>The same with given draws.</summary>
    public static (Tensor Predicted, Tensor Mixed) Of(
        Tensor noise, Tensor? offsets, double offset, Tensor? perturbations, double perturbation)
    {
        Tensor predicted = offsets is null ? noise.alias() : noise.Plus(offsets.to(noise.dtype).SendTo(noise.device).Times(offset));
        Tensor mixed = perturbations is null
            ? predicted.alias()
            : predicted.Plus(perturbations.to(noise.dtype).SendTo(noise.device).Times(perturbation));
        return (predicted, mixed);
    }
}
