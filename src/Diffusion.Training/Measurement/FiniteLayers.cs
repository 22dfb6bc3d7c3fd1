using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Training;

/// <summary>
/// Watches every layer of a network whose answer is a tensor, and the model's own answer, for the first that is not finite.
/// </summary>
internal sealed class FiniteLayers : IDisposable, IPassObserver
{
    private readonly List<Action> removals = [];

    /// <param name="network">The network; it must call its layers by <c>call</c>.</param>
    public FiniteLayers(nn.Module network)
    {
        foreach ((string name, nn.Module module) in network.named_modules().Where(part => part.Item1.Length > 0))
        {
            string layer = $"Layer {name}";
            switch (module)
            {
                case nn.Module<Tensor, Tensor> one:
                    removals.Add(one.register_forward_hook((_, _, answer) => Look(layer, answer)).remove);
                    break;
                case nn.Module<Tensor, Tensor, Tensor> two:
                    removals.Add(two.register_forward_hook((_, _, _, answer) => Look(layer, answer)).remove);
                    break;
                case nn.Module<Tensor, Tensor, Tensor, Tensor> three:
                    removals.Add(three.register_forward_hook((_, _, _, _, answer) => Look(layer, answer)).remove);
                    break;
                case nn.Module<Tensor, Stack<Tensor>, Tensor, Tensor> up:
                    removals.Add(up.register_forward_hook((_, _, _, _, answer) => Look(layer, answer)).remove);
                    break;
            }
        }
    }

    /// <summary>The name of the first whose answer is not finite; null when all are.</summary>
    public string? First { get; private set; }

    /// <summary>The places in the batch where that answer is not finite.</summary>
    public IReadOnlyList<int> Images { get; private set; } = [];

    public void Dispose() => removals.ForEach(remove => remove());

    public void Begin(IReadOnlyList<NoiseLevel> levels)
    {
    }

    /// <summary>Looks at the answer of the model, after those of all layers.</summary>
    public void End(ObjectiveLoss loss) => Look("The model itself, after all layers that could be looked at,", loss.Prediction);

    private Tensor Look(string name, Tensor answer)
    {
        if (First is null)
        {
            using IDisposable noGradients = no_grad();
            using DisposeScope scope = NewDisposeScope();
            bool[] good = answer.isfinite().reshape(answer.dim() == 0 ? 1 : answer.shape[0], -1).all(1).cpu().data<bool>().ToArray();
            if (good.Contains(false))
            {
                First = name;
                Images = [.. Enumerable.Range(0, good.Length).Where(image => !good[image])];
            }
        }

        return answer;
    }
}
