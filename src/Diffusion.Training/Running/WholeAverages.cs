using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Diffusion.Training;

/// <summary>
/// Networks with the averages of a run whose processes hold parts of them, or which keeps them in the memory of the host. A network has
/// weights only while its average is put together on the device; until then, its denoiser refuses to sample.
/// </summary>
internal sealed class WholeAverages : IDisposable
{
    private readonly TrainingState state;
    private readonly IReadOnlyList<IDiffusionModel> networks;
    private readonly IReadOnlyList<WeightLock> gates;

    /// <param name="state">The state of the run.</param>
    /// <param name="networks">A network for each average. The caller disposes them after this object.</param>
    public WholeAverages(TrainingState state, IReadOnlyList<IDiffusionModel> networks)
    {
        (this.state, this.networks) = (state, networks);
        gates = [.. networks.Select(_ => new WeightLock("Trainer", "Use SnapshotEma() for a denoiser that outlives its trainer."))];
        Release();
    }

    /// <summary>Guards the weights of each network.</summary>
    public IReadOnlyList<WeightLock> Gates => gates;

    /// <summary>
    /// Puts averages together, and gives them to their networks. If processes hold parts, all call it at the same time, or rank 0 asks the
    /// others.
    /// </summary>
    /// <param name="count">The number of averages, from the first.</param>
    /// <param name="asks">Whether this is rank 0, which asks the others.</param>
    public void Gather(int count, bool asks = false)
    {
        using IDisposable tensors = TensorLedger.Uncounted(); // they outlive the part of the loop that needs them
        for (int i = 0; i < count; i++)
        {
            Tensor whole = zeros_like(state.Parameters.Values).DetachFromDisposeScope();
            state.Averages[i].Whole?.Dispose(); // of a call before that did not end
            state.Averages[i].Whole = whole;
            Fill(whole, i, asks);
            using WeightLock.Pass pass = gates[i].Write();
            state.Parameters.Layout.Bind(networks[i].Network, whole);
            gates[i].Absence = null;
        }
    }

    /// <summary>Frees the averages after the calls of their denoisers in progress have ended. Does nothing if there are none.</summary>
    public void Release()
    {
        using IDisposable tensors = TensorLedger.Uncounted();
        using IDisposable noGradients = no_grad();
        for (int i = 0; i < networks.Count; i++)
        {
            using WeightLock.Pass pass = gates[i].Write();
            gates[i].Absence = state.Shards is null ? EmaWrapper.AbsenceOnDevice : EmaWrapper.Absence;
            foreach (Parameter parameter in networks[i].Network.parameters())
            {
                using Tensor nothing = empty(0, parameter.dtype, parameter.device);
                parameter.set_(nothing);
            }

            state.Averages[i].Whole?.Dispose();
            state.Averages[i].Whole = null;
        }
    }

    /// <summary>Frees the averages, and refuses later calls of their denoisers.</summary>
    public void Dispose()
    {
        Release();
        foreach (WeightLock gate in gates)
        {
            gate.Dispose();
        }
    }

    private void Fill(Tensor whole, int average, bool asks)
    {
        if (state.Shards is { } shards)
        {
            shards.Average(average, whole, asks);
            return;
        }

        using IDisposable noGradients = no_grad();
        whole.copy_(state.Averages[average].Held);
    }
}
