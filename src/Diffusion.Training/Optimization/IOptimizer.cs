using TorchSharp;

namespace Diffusion.Training;

/// <summary>Changes parameters by their gradients.</summary>
public interface IOptimizer : IDisposable
{
    /// <summary>
    /// Everything it remembers, by name: what a checkpoint saves. Restoring copies into these tensors. They belong to the optimizer.
    /// </summary>
    IReadOnlyDictionary<string, torch.Tensor> State { get; }

    /// <summary>
    /// One update of all trained parameters from their gradients. Decides nothing on the CPU, so it waits for no device.
    /// It runs inside a dispose scope: a tensor that it keeps must be detached from it. It may overwrite the gradients.
    /// </summary>
    /// <param name="learningRate">This step's learning rate.</param>
    /// <param name="gradientDivisor">float32 scalar on the device: what the gradients are divided by (1 leaves them as they are).</param>
    /// <param name="skip">float32 scalar on the device: 1 where the gradients are not finite and nothing may change, else 0.</param>
    void Update(double learningRate, torch.Tensor gradientDivisor, torch.Tensor skip);

    /// <summary>
    /// Copies the weights that are validated, sampled and exported, if they are others than those that are trained
    /// (<see cref="IOptimizerFactory.AveragesWeights"/>).
    /// </summary>
    /// <param name="destination">A buffer in the layout of <see cref="FlatParameters.Values"/>, on the device.</param>
    /// <exception cref="NotSupportedException">The trained weights are those to use.</exception>
    void CopyWeightsToUse(torch.Tensor destination) =>
        throw new NotSupportedException($"The trained weights of {GetType().Name} are those to use. Average them with EmaWrapper.");
}
