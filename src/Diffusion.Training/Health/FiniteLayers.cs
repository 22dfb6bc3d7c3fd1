using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Training;

/// <summary>Watches every layer of a network that takes and gives one tensor, for the first whose answer is not finite.</summary>
internal sealed class FiniteLayers : IDisposable
{
    private readonly List<Action> removals = [];

    /// <param name="network">The network; it must call its layers by <c>call</c>.</param>
    public FiniteLayers(nn.Module network)
    {
        foreach ((string name, nn.Module module) in network.named_modules())
        {
            if (module is nn.Module<Tensor, Tensor> layer)
            {
                var hook = layer.register_forward_hook((_, _, answer) => Look(name, answer));
                removals.Add(hook.remove);
            }
        }
    }

    /// <summary>The name of the first layer whose answer is not finite; null when all are.</summary>
    public string? First { get; private set; }

    /// <summary>The places in the batch where that answer is not finite.</summary>
    public IReadOnlyList<int> Images { get; private set; } = [];

    public void Dispose() => removals.ForEach(remove => remove());

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
