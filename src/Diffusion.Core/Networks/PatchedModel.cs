using System.Globalization;
using System.Text.Json.Nodes;
using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion;

/// <summary>
/// Runs another network on patches: each square of P x P pixels becomes one pixel with P * P times the channels (space to depth), and the
/// prediction is put back exactly. The network then works at 1/P of the resolution, which is P * P times less work for each channel.
/// </summary>
/// <remarks>
/// A network on patches should predict the clean image (<see cref="PredictionType.Sample"/>), best with the loss in velocity space (Li and
/// He 2025, "Back to Basics: Let Denoising Generative Models Denoise"): noise fills all channels of a patch, but images only a few
/// directions of them.
/// </remarks>
public sealed class PatchedModel : IDiffusionModel, IGuardedWeights, IStoredNetwork
{
    /// <summary>The key of the size of the patches, in descriptions and in the configurations of exports.</summary>
    internal const string SizeKey = "patch_size";

    private const string NetworkKey = "network";

    private readonly IDiffusionModel inner;

    /// <summary>Puts a network on patches.</summary>
    /// <param name="network">
    /// The network, for images of P * P times the channels and 1/P of the height and width. The new model owns it.
    /// </param>
    /// <param name="patchSize">The height and width of a patch in pixels, P, at least 2. 2 to 4 for images of 32 pixels.</param>
    /// <exception cref="ArgumentOutOfRangeException">The patch size is below 2.</exception>
    /// <exception cref="ArgumentException">
    /// The network was made for channels that are not a multiple of P * P, or is self-conditioned.
    /// </exception>
    public PatchedModel(IDiffusionModel network, int patchSize)
    {
        ArgumentNullException.ThrowIfNull(network);
        ArgumentOutOfRangeException.ThrowIfLessThan(patchSize, 2);
        if (network.IsSelfConditioned)
        {
            throw new ArgumentException(
                $"The network is self-conditioned, but its estimates have whole images. Put the {nameof(SelfConditionedModel)} around the "
                + $"{nameof(PatchedModel)}.",
                nameof(network));
        }

        if (network.SampleShape is { } shape && shape.Channels % (patchSize * patchSize) != 0)
        {
            throw new ArgumentException(
                $"The network is for {shape.Channels} channels, but patches of {patchSize} x {patchSize} pixels have a multiple of "
                + $"{patchSize * patchSize}. Create it for {patchSize * patchSize} times the channels of the images "
                + $"({nameof(PatchShape)}).",
                nameof(network));
        }

        inner = network;
        PatchSize = patchSize;
        Description = Describe(patchSize, network.Description);
    }

    /// <summary>The height and width of a patch in pixels.</summary>
    public int PatchSize { get; }

    /// <summary>The network on patches.</summary>
    public IDiffusionModel Inner => inner;

    /// <inheritdoc/>
    public nn.Module Network => inner.Network;

    /// <inheritdoc/>
    public ImageShape? SampleShape => inner.SampleShape is { } shape
        ? new ImageShape(shape.Channels / (PatchSize * PatchSize), shape.Height * PatchSize, shape.Width * PatchSize)
        : null;

    /// <inheritdoc/>
    public int? ClassCount => inner.ClassCount;

    /// <inheritdoc/>
    public bool HasDropout => inner.HasDropout;

    /// <inheritdoc/>
    public double DropoutProbability => inner.DropoutProbability;

    /// <inheritdoc/>
    public IGradientCheckpointing? Checkpointing => inner.Checkpointing;

    /// <inheritdoc/>
    public string Description { get; }

    /// <inheritdoc/>
    WeightLock? IGuardedWeights.Gate => (inner as IGuardedWeights)?.Gate;

    /// <summary>The shape of the images that the network on patches gets.</summary>
    /// <param name="images">The shape of the images.</param>
    /// <param name="patchSize">The height and width of a patch in pixels, at least 1.</param>
    /// <exception cref="ArgumentException">The patch size does not divide height and width.</exception>
    public static ImageShape PatchShape(ImageShape images, int patchSize)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(patchSize, 1);
        return Problem(images, patchSize) is { } problem
            ? throw new ArgumentException(problem, nameof(images))
            : new ImageShape(images.Channels * patchSize * patchSize, images.Height / patchSize, images.Width / patchSize);
    }

    /// <summary>The description of a network on patches.</summary>
    internal static string Describe(int patchSize, string network) =>
        new JsonObject { [SizeKey] = patchSize, [NetworkKey] = JsonOrText(network) }.ToJsonString();

    /// <summary>The patch size and the description of the network in a description; null if it describes no network on patches.</summary>
    internal static (int PatchSize, string Network)? Parse(string description) =>
        description.StartsWith('{') && JsonNode.Parse(description) is JsonObject json && json[SizeKey] is { } size
            && json[NetworkKey] is { } network
            ? (size.GetValue<int>(), network.ToJsonString())
            : null;

    /// <inheritdoc/>
    /// <exception cref="ArgumentException">The patch size does not divide height and width.</exception>
    public Tensor Predict(Tensor noisy, Tensor labels, Conditioning conditioning)
    {
        Guard.Images(noisy, nameof(noisy));
        if (Problem(new ImageShape((int)noisy.shape[1], (int)noisy.shape[2], (int)noisy.shape[3]), PatchSize) is { } problem)
        {
            throw new ArgumentException(problem, nameof(noisy));
        }

        using Tensor patches = nn.functional.pixel_unshuffle(noisy, PatchSize); // [B, C P P, H / P, W / P]
        using Tensor predicted = inner.Predict(patches, labels, conditioning); // [B, C P P or 2 C P P, H / P, W / P]
        return nn.functional.pixel_shuffle(predicted, PatchSize); // [B, C or 2 C, H, W]
    }

    /// <inheritdoc/>
    public IDiffusionModel CreateTwin() => new PatchedModel(inner.CreateTwin(), PatchSize);

    /// <inheritdoc/>
    public IReadOnlyList<string> Problems(ImageShape shape, INoiseSchedule schedule) => Problem(shape, PatchSize) is { } problem
        ? [problem]
        : [.. inner.Problems(PatchShape(shape, PatchSize), schedule).Select(text => $"On patches of {PatchSize} x {PatchSize}: {text}")];

    /// <summary>Disposes the network.</summary>
    public void Dispose() => inner.Dispose();

    /// <inheritdoc/>
    string IStoredNetwork.CurrentName(string stored) => inner is IStoredNetwork known ? known.CurrentName(stored) : stored;

    /// <inheritdoc/>
    string IStoredNetwork.ArchitectureOf(string description)
    {
        (int? size, string network) = Parse(description) is { } parsed ? parsed : ((int?)null, description);
        string architecture = inner is IStoredNetwork known ? known.ArchitectureOf(network) : network;
        JsonNode node = JsonOrText(architecture);
        JsonObject json = node as JsonObject ?? new JsonObject { [NetworkKey] = node };
        json[SizeKey] = size;
        return json.ToJsonString();
    }

    private static string? Problem(ImageShape images, int patchSize) => images.Height % patchSize == 0 && images.Width % patchSize == 0
        ? null
        : string.Create(CultureInfo.InvariantCulture,
            $"Images of {images.Height} x {images.Width} pixels cannot be divided into patches of {patchSize} x {patchSize}. Use a patch "
            + $"size that divides both, or images of another size.");

    private static JsonNode JsonOrText(string description) =>
        description.StartsWith('{') ? JsonNode.Parse(description)! : JsonValue.Create(description);
}
