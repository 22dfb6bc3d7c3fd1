using static TorchSharp.torch;

namespace Diffusion.Training;

/// <summary>
/// Sets a network to evaluation mode temporarily, on the thread that trains it. A network that is already in evaluation mode, and that
/// others may share, is not changed.
/// </summary>
internal sealed class EvaluationMode : IDisposable
{
    private readonly nn.Module? network;

    private EvaluationMode(nn.Module? network) => this.network = network;

    /// <summary>Sets a network to evaluation mode.</summary>
    /// <returns>A scope that restores the mode of the network when disposed.</returns>
    public static EvaluationMode Of(nn.Module network)
    {
        bool wasTraining = network.training;
        if (wasTraining)
        {
            network.eval();
        }

        return new EvaluationMode(wasTraining ? network : null);
    }

    public void Dispose() => network?.train();
}
