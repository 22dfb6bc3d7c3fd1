namespace Diffusion;

/// <summary>
/// The network predicts noise - clean, the direction of the straight line of rectified flow (Liu et al. 2022, equation 1).
/// </summary>
internal sealed class FlowParameterization : IParameterization
{
    public string Description => "flow";

    public Scalings At(NoiseLevel level) => new(level, targetClean: -1, targetNoise: 1);
}
