using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Training;

/// <summary>
/// The first estimates that a self-conditioned network is told for a fraction of the images (Chen et al. 2023, algorithm 1). Each image is
/// drawn by its position, so that the division into micro-batches changes nothing.
/// </summary>
internal static class FirstEstimates
{
    /// <summary>Adds the estimates to the conditioning. Measurements give none.</summary>
    /// <param name="input">The images.</param>
    /// <param name="noisy">The noisy images <c>[B, C, H, W]</c>.</param>
    /// <param name="conditioning">Their conditioning.</param>
    /// <param name="fraction">The fraction of images with an estimate, 0 to 1.</param>
    public static Conditioning Of(ObjectiveInput input, Tensor noisy, Conditioning conditioning, double fraction)
    {
        if (fraction == 0 || input.IsMeasurement)
        {
            return conditioning;
        }

        long count = noisy.shape[0];
        if (input.Positions.Count != count)
        {
            throw new ArgumentException(
                $"Positions has {input.Positions.Count} numbers for {count} images, but self-conditioning is drawn by position. Give one "
                + "position for each image.",
                nameof(input));
        }

        int[] chosen = [.. Enumerable.Range(0, (int)count)
            .Where(i => input.Seeds.Uniform(RandomPurpose.SelfConditioning, input.Positions[i]) < fraction)];
        if (chosen.Length == 0)
        {
            return conditioning;
        }

        using IDisposable noGradients = no_grad();
        using DisposeScope scope = NewDisposeScope();
        Tensor indices = tensor([.. chosen.Select(i => (long)i)], ScalarType.Int64).SendTo(noisy.device);
        Conditioning own = new()
        {
            ClassLabels = conditioning.ClassLabels?.index_select(0, indices),
            EndLabels = conditioning.EndLabels?.index_select(0, indices),
        };
        Tensor estimates = Estimate(input.Denoiser, noisy.index_select(0, indices), [.. chosen.Select(i => input.Levels[i])], own);
        Tensor all = zeros_like(noisy).index_copy_(0, indices, estimates); // [B, C, H, W]
        return conditioning with { EarlierClean = all.MoveToOuterDisposeScope() };
    }

    // As a sampler sees them: clipped.
    private static Tensor Estimate(Denoiser denoiser, Tensor noisy, IReadOnlyList<NoiseLevel> levels, Conditioning conditioning)
    {
        Tensor output = denoiser.PredictRaw(noisy, levels, conditioning, mayPredictVariance: true).narrow(1, 0, noisy.shape[1]);
        Scalings[] scalings = [.. levels.Select(denoiser.Parameterization.At)];
        return ForwardProcess.Mix(noisy, scalings.Select(s => s.Skip), output, scalings.Select(s => s.Out)).Between(-1, 1);
    }
}
