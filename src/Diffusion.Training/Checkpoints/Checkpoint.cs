using TorchSharp;

namespace Diffusion.Training;

/// <summary>The complete state of a run. Tensors are named after the parameters of the network.</summary>
/// <param name="Manifest">Everything that is not a tensor.</param>
/// <param name="Weights">The parameters of the network.</param>
/// <param name="Averages">The averaged parameters, one set per average, in the order of the manifest's list of averages.</param>
/// <param name="Optimizer">The state of the optimizer.</param>
public sealed record Checkpoint(
    CheckpointManifest Manifest,
    IReadOnlyDictionary<string, torch.Tensor> Weights,
    IReadOnlyList<IReadOnlyDictionary<string, torch.Tensor>> Averages,
    IReadOnlyDictionary<string, torch.Tensor> Optimizer);
