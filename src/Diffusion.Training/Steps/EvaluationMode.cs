using static TorchSharp.torch;

namespace Diffusion.Training;

/// <summary>
/// Evaluation mode for a while, on the thread that trains the network. A network in evaluation mode, which others may share, is left alone.
/// </summary>
internal sealed class EvaluationMode : IDisposable
{
    private readonly nn.Module? network;

    private EvaluationMode(nn.Module? network) => this.network = network;

    /// <summary>Turns it on.</summary>
    /// <returns>Dispose it to give the network its mode back.</returns>
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
