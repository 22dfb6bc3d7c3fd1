using System.Text.Json.Nodes;
using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion;

/// <summary>
/// Tells a network its own earlier estimate of the clean image, as further input channels (Chen et al. 2023, "Analog Bits", section 3.2:
/// self-conditioning). Zeros stand for no estimate. Samplers pass the estimate of their last call; training needs
/// <c>Objective.SelfConditioning</c>.
/// </summary>
public sealed class SelfConditionedModel : IDiffusionModel, IGuardedWeights, IStoredNetwork
{
    private const string Key = "self_conditioned";

    private readonly IDiffusionModel inner;

    /// <summary>Adds the input of the earlier estimate.</summary>
    /// <param name="network">
    /// The network, with twice as many input channels as the images: first the noisy images, then the estimate. Its output channels are
    /// those of the images. The new model owns it.
    /// </param>
    /// <exception cref="ArgumentException">The network was made for an odd number of channels.</exception>
    public SelfConditionedModel(IDiffusionModel network)
    {
        ArgumentNullException.ThrowIfNull(network);
        if (network.SampleShape is { Channels: var channels } && channels % 2 != 0)
        {
            throw new ArgumentException(
                $"The network is for {channels} input channels, but with self-conditioning it gets the noisy images and an estimate of the "
                + "clean ones: an even number. Create it with twice as many input channels as the images.",
                nameof(network));
        }

        inner = network;
        Description = Describe(network.Description);
    }

    /// <summary>The network that gets both.</summary>
    public IDiffusionModel Inner => inner;

    /// <inheritdoc/>
    public nn.Module Network => inner.Network;

    /// <inheritdoc/>
    public ImageShape? SampleShape => inner.SampleShape is { } shape ? shape with { Channels = shape.Channels / 2 } : null;

    /// <inheritdoc/>
    public int? ClassCount => inner.ClassCount;

    /// <inheritdoc/>
    public bool HasDropout => inner.HasDropout;

    /// <inheritdoc/>
    public double DropoutProbability => inner.DropoutProbability;

    /// <inheritdoc/>
    public bool IsSelfConditioned => true;

    /// <inheritdoc/>
    public IGradientCheckpointing? Checkpointing => inner.Checkpointing;

    /// <inheritdoc/>
    public string Description { get; }

    /// <inheritdoc/>
    WeightLock? IGuardedWeights.Gate => (inner as IGuardedWeights)?.Gate;

    /// <summary>The description of the network in a description; null if it describes no self-conditioned network.</summary>
    internal static string? Parse(string description) =>
        description.StartsWith('{') && JsonNode.Parse(description) is JsonObject json && json[Key] is { } network
            ? network.ToJsonString()
            : null;

    /// <inheritdoc/>
    public Tensor Predict(Tensor noisy, Tensor labels, Conditioning conditioning)
    {
        Guard.Images(noisy, nameof(noisy));
        ArgumentNullException.ThrowIfNull(conditioning);
        using DisposeScope scope = NewDisposeScope();
        Tensor earlier = conditioning.EarlierClean?.to(noisy.dtype) ?? zeros_like(noisy); // [B, C, H, W]
        return inner.Predict(cat([noisy, earlier], 1), labels, conditioning with { EarlierClean = null }).MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    public IDiffusionModel CreateTwin() => new SelfConditionedModel(inner.CreateTwin());

    /// <inheritdoc/>
    public IReadOnlyList<string> Problems(ImageShape shape, INoiseSchedule schedule) =>
        [.. inner.Problems(shape with { Channels = 2 * shape.Channels }, schedule)
            .Select(text => $"With the channels of the earlier estimate: {text}")];

    /// <summary>Disposes the network.</summary>
    public void Dispose() => inner.Dispose();

    /// <inheritdoc/>
    string IStoredNetwork.CurrentName(string stored) => inner is IStoredNetwork known ? known.CurrentName(stored) : stored;

    /// <inheritdoc/>
    string IStoredNetwork.ArchitectureOf(string description)
    {
        string network = Parse(description) ?? description;
        string architecture = inner is IStoredNetwork known ? known.ArchitectureOf(network) : network;
        return Parse(description) is null ? architecture : Describe(architecture);
    }

    private static string Describe(string network) =>
        new JsonObject { [Key] = network.StartsWith('{') ? JsonNode.Parse(network) : JsonValue.Create(network) }.ToJsonString();
}
