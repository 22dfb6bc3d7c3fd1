using System.Text.Json;
using System.Text.Json.Nodes;
using static Diffusion.JsonValues;

namespace Diffusion;

/// <summary>
/// config.json of a network: the options of diffusers' UNet2DModel and, for a <see cref="PatchedModel"/>, the size of its patches.
/// </summary>
/// <param name="Options">The options of the U-Net.</param>
/// <param name="PatchSize">The size of the patches; null for a network on pixels.</param>
internal sealed record DiffusersUNetConfig(UNet2DOptions Options, int? PatchSize)
{
    /// <summary>The <see cref="IDiffusionModel.Description"/> of the network.</summary>
    public string Description => PatchSize is { } size ? PatchedModel.Describe(size, Options.ToJson()) : Options.ToJson();

    /// <summary>Reads a file.</summary>
    /// <exception cref="FormatException">Names every key and value that is not supported.</exception>
    public static DiffusersUNetConfig Read(string json)
    {
        using JsonDocument document = Parse(json);
        if (!document.RootElement.TryGetProperty(PatchedModel.SizeKey, out JsonElement value))
        {
            return new DiffusersUNetConfig(UNet2DOptions.FromJson(json), null);
        }

        int size = value.ValueKind == JsonValueKind.Number && value.TryGetInt32(out int number) && number >= 2
            ? number
            : throw new FormatException($"{PatchedModel.SizeKey} is {Shown(value)}, but must be an integer of at least 2.");
        JsonObject rest = JsonObject.Create(document.RootElement)!;
        rest.Remove(PatchedModel.SizeKey);
        UNet2DOptions options = UNet2DOptions.FromJson(rest.ToJsonString());
        return options.InChannels % (size * size) == 0
            ? new DiffusersUNetConfig(options, size)
            : throw new FormatException(
                $"{PatchedModel.SizeKey} is {size}, but in_channels is {options.InChannels}, which must be a multiple of {size * size}.");
    }

    /// <summary>The network as images see it.</summary>
    /// <param name="unet">The U-Net.</param>
    public IDiffusionModel Model(UNet2D unet) => PatchSize is { } size ? new PatchedModel(unet, size) : unet;
}
