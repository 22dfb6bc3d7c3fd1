using TorchSharp;

namespace Diffusion.Training;

/// <summary>The whole state of a run. Named tensors, by the names of the network's parameters.</summary>
/// <param name="Manifest">Everything that is no tensor.</param>
/// <param name="Weights">The network's parameters.</param>
/// <param name="Averages">Each averaged set of parameters, in the order of <see cref="CheckpointManifest.Averages"/>.</param>
/// <param name="Optimizer">The optimizer's state.</param>
public sealed record Checkpoint(
    CheckpointManifest Manifest,
    IReadOnlyDictionary<string, torch.Tensor> Weights,
    IReadOnlyList<IReadOnlyDictionary<string, torch.Tensor>> Averages,
    IReadOnlyDictionary<string, torch.Tensor> Optimizer);
