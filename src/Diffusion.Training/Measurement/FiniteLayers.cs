using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Training;

/// <summary>Finds the first output that is not finite, among the layers of a network that return a tensor and the model itself.</summary>
internal sealed class FiniteLayers : IDisposable, IPassObserver
{
    private readonly List<Action> removals = [];

    /// <param name="network">The network, which must call its layers with <c>call</c>.</param>
    public FiniteLayers(nn.Module network)
    {
        foreach ((string name, nn.Module module) in network.named_modules().Where(part => part.Item1.Length > 0))
        {
            string layer = $"Layer {name}";
            switch (module)
            {
                case nn.Module<Tensor, Tensor> one:
                    removals.Add(one.register_forward_hook((_, _, output) => Look(layer, output)).remove);
                    break;
                case nn.Module<Tensor, Tensor, Tensor> two:
                    removals.Add(two.register_forward_hook((_, _, _, output) => Look(layer, output)).remove);
                    break;
                case nn.Module<Tensor, Tensor, Tensor, Tensor> three:
                    removals.Add(three.register_forward_hook((_, _, _, _, output) => Look(layer, output)).remove);
                    break;
                case nn.Module<Tensor, Stack<Tensor>, Tensor, Tensor> up:
                    removals.Add(up.register_forward_hook((_, _, _, _, output) => Look(layer, output)).remove);
                    break;
            }
        }
    }

    /// <summary>The name of the first layer whose output is not finite; null if there is none.</summary>
    public string? First { get; private set; }

    /// <summary>The indices in the batch of the images for which that output is not finite.</summary>
    public IReadOnlyList<int> Images { get; private set; } = [];

    public void Dispose() => removals.ForEach(remove => remove());

    public void Begin(IReadOnlyList<NoiseLevel> levels)
    {
    }

    /// <summary>Checks the output of the model, after the outputs of all layers.</summary>
    public void End(ObjectiveLoss loss) => Look("The model itself, after all layers that could be checked,", loss.Prediction);

    private Tensor Look(string name, Tensor output)
    {
        if (First is null)
        {
            using IDisposable noGradients = no_grad();
            using DisposeScope scope = NewDisposeScope();
            bool[] good = output.isfinite().reshape(output.dim() == 0 ? 1 : output.shape[0], -1).all(1).ToHost().data<bool>().ToArray();
            if (good.Contains(false))
            {
                First = name;
                Images = [.. Enumerable.Range(0, good.Length).Where(image => !good[image])];
            }
        }

        return output;
    }
}
