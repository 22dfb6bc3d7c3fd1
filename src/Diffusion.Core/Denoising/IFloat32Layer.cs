namespace Diffusion;

/// <summary>
/// Marks a layer (a TorchSharp module) whose parameters stay float32 when its network trains in a lower precision, because they must be
/// exact: the frequencies of an embedding, for example. The layer accepts float32 or lower inputs, and those after it accept its output.
/// </summary>
public interface IFloat32Layer;
