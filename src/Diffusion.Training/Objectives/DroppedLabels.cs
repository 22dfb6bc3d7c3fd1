using static TorchSharp.torch;

namespace Diffusion.Training;

/// <summary>
/// Replaces the classes of a fraction of the images with "no class", the last class of the model, so that the network also learns the
/// unconditional distribution (Ho and Salimans 2022, algorithm 1).
/// </summary>
internal static class DroppedLabels
{
    /// <summary>Returns the conditioning with dropped labels, drawn by the positions of the images. Measurements keep all labels.</summary>
    /// <param name="input">The images with their conditioning.</param>
    /// <param name="fraction">The fraction of dropped labels, in [0, 1); 0 for none.</param>
    public static Conditioning Of(ObjectiveInput input, double fraction)
    {
        Conditioning conditioning = input.Conditioning;
        if (fraction == 0 || input.IsMeasurement || conditioning.ClassLabels is not { } labels)
        {
            return conditioning;
        }

        if (input.Positions.Count != labels.shape[0])
        {
            throw new ArgumentException(
                $"Positions has {input.Positions.Count} numbers for {labels.shape[0]} images, but label dropout is drawn by position. Give "
                + "one position for each image.",
                nameof(input));
        }

        bool[] drops = [.. input.Positions.Select(position => input.Seeds.Uniform(RandomPurpose.LabelDropout, position) < fraction)];
        long noClass = input.Denoiser.Model.ClassCount!.Value - 1;
        Tensor dropped = tensor(drops).SendTo(labels.device); // [B]
        Tensor none = zeros_like(labels).Fill(noClass); // [B]
        return conditioning with { ClassLabels = where(dropped, none, labels) };
    }
}
