using static TorchSharp.torch;

namespace Diffusion.Training;

/// <summary>What an objective makes a loss from. The tensors stay the caller's.</summary>
/// <param name="Denoiser">The model under training, with its schedule and parameterization.</param>
/// <param name="Clean">Images in [-1, 1], float32 <c>[B, C, H, W]</c>, on the model's device.</param>
/// <param name="Noise">Standard normal noise in the same shape.</param>
/// <param name="Levels">The noise level of each image.</param>
/// <param name="Conditioning">Class labels where the model has classes.</param>
/// <param name="State">What <see cref="IObjective.CreateState"/> made.</param>
public sealed record ObjectiveInput(
    Denoiser Denoiser, Tensor Clean, Tensor Noise, IReadOnlyList<NoiseLevel> Levels, Conditioning Conditioning, ObjectiveState? State)
{
    /// <summary>The stream of the run, for further draws that belong to an image. Default that of seed 0.</summary>
    public SeedStream Seeds { get; init; }

    /// <summary>The position of each image in the run. Default empty: not known.</summary>
    public IReadOnlyList<long> Positions { get; init; } = [];

    /// <summary>Whether the loss is only measured, so that what the state remembers must not change. Default false.</summary>
    public bool IsMeasurement { get; init; }

    /// <summary>The law that the levels were drawn from, where it is not that of the objective's times; null otherwise.</summary>
    internal ImportanceTimes? DrawnFrom { get; init; }
}
