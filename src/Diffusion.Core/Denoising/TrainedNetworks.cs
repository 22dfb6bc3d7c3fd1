using System.Runtime.CompilerServices;
using static TorchSharp.torch;

namespace Diffusion;

/// <summary>
/// Tracks the networks that a trainer owns, or left with the weights of its last step. These weights give worse samples than the average,
/// so a denoiser refuses such a network.
/// </summary>
internal static class TrainedNetworks
{
    private static readonly Lock Gate = new();
    private static readonly ConditionalWeakTable<nn.Module, Use> Uses = [];

    /// <summary>Makes a trainer the owner of a network and of its parts.</summary>
    /// <returns>The claim; release it when the trainer is disposed.</returns>
    /// <exception cref="InvalidOperationException">Another trainer owns the network or a part of it.</exception>
    public static Use Claim(nn.Module network, object trainer)
    {
        lock (Gate)
        {
            Use[] before = [.. UsesOf(network)];
            if (before.Any(use => use.HasOwner))
            {
                throw new InvalidOperationException(
                    "Another trainer already owns this network, and two would overwrite each other's weights. Dispose that trainer "
                    + "first, or train another network.");
            }

            Use claimed = new(trainer, hadRawWeights: before.Any(use => use.HasRawWeights));
            foreach (nn.Module part in TrainedParts(network))
            {
                Uses.AddOrUpdate(part, claimed);
            }

            return claimed;
        }
    }

    /// <summary>Ends the claim of a trainer.</summary>
    /// <param name="network">The claimed network.</param>
    /// <param name="claimed">The claim.</param>
    /// <param name="hasRawWeights">
    /// Whether the network has the weights of the last step of a run that has an average; null where nothing was trained.
    /// </param>
    public static void Release(nn.Module network, Use claimed, bool? hasRawWeights)
    {
        lock (Gate)
        {
            claimed.Release(hasRawWeights);
            if (!claimed.HasRawWeights)
            {
                Remove(network);
            }
        }
    }

    /// <summary>Forgets an earlier training, as other weights were loaded; does nothing while a trainer owns the network.</summary>
    public static void Renew(nn.Module network)
    {
        lock (Gate)
        {
            if (!UsesOf(network).Any(use => use.HasOwner))
            {
                Remove(network);
            }
        }
    }

    /// <summary>Refuses a network with raw weights.</summary>
    /// <exception cref="InvalidOperationException">A trainer owns or has trained the network or a part of it.</exception>
    public static void Refuse(nn.Module network)
    {
        lock (Gate)
        {
            Use[] uses = [.. UsesOf(network)];
            if (uses.Any(use => use.HasOwner))
            {
                throw new InvalidOperationException(
                    "A trainer owns this network, which holds the noisy weights of its last step. Sample the average: EmaDenoiser of the "
                    + "trainer, or SnapshotEma() for a copy of it. RawDenoiser samples the weights of the last step on purpose.");
            }

            if (uses.Any(use => use.HasRawWeights))
            {
                throw new InvalidOperationException(
                    "This network holds the noisy weights of a trainer's last step. Sample the trainer's EmaDenoiser before the trainer "
                    + "is disposed; end it with EndWithAverages(), which leaves the averaged weights here; or load weights into the "
                    + "network, such as the ema.safetensors of a checkpoint.");
            }
        }
    }

    private static IEnumerable<Use> UsesOf(nn.Module network)
    {
        foreach (nn.Module part in network.modules().Prepend(network))
        {
            if (Uses.TryGetValue(part, out Use? use))
            {
                yield return use;
            }
        }
    }

    private static void Remove(nn.Module network)
    {
        foreach (nn.Module part in TrainedParts(network))
        {
            Uses.Remove(part);
        }
    }

    // A frozen part may belong to several networks: training does not change it.
    private static nn.Module[] TrainedParts(nn.Module network) =>
        [.. network.modules().Prepend(network).Distinct().Where(part => part.parameters().Any(parameter => parameter.requires_grad))];

    /// <summary>The use of a network. A trainer that is not disposed owns it until the garbage collector frees the trainer.</summary>
    internal sealed class Use(object trainer, bool hadRawWeights)
    {
        private WeakReference? owner = new(trainer);

        /// <summary>Whether a trainer owns the network.</summary>
        public bool HasOwner => owner is { IsAlive: true };

        /// <summary>Whether the network has the weights of the last step of a run, and there was an average.</summary>
        public bool HasRawWeights { get; private set; } = hadRawWeights;

        /// <summary>Ends the trainer's ownership.</summary>
        public void Release(bool? hasRawWeights)
        {
            owner = null;
            HasRawWeights = hasRawWeights ?? HasRawWeights;
        }
    }
}
