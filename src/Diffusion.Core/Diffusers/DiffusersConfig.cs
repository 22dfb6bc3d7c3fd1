using System.Text.Json;

namespace Diffusion;

/// <summary>The configuration of a network as diffusers lays it out: the options, then the notes.</summary>
internal static class DiffusersConfig
{
    private const string ClassName = "_class_name";

    // Values that Python declares as float are written as floats.
    private static readonly string[] Floats = ["dropout", "norm_eps"];

    /// <summary>config.json of a network.</summary>
    /// <param name="options">The options of the U-Net.</param>
    /// <param name="patchSize">The size of its patches; null (the default) for a network on pixels.</param>
    public static byte[] UNet(UNet2DOptions options, int? patchSize = null)
    {
        using JsonDocument document = JsonDocument.Parse(options.ToJson());
        return WithNotes(DiffusersClasses.UNet, writer =>
        {
            foreach (JsonProperty option in document.RootElement.EnumerateObject().Where(option => option.Name != ClassName))
            {
                writer.WritePropertyName(option.Name);
                if (Floats.Contains(option.Name))
                {
                    PythonJsonWriter.WriteFloat(writer, option.Value.GetDouble());
                }
                else
                {
                    option.Value.WriteTo(writer);
                }
            }

            if (patchSize is { } size)
            {
                writer.WriteNumber(PatchedModel.SizeKey, size);
            }
        });
    }

    private static byte[] WithNotes(string className, Action<Utf8JsonWriter> writeOptions) => PythonJsonWriter.Object(writer =>
    {
        writeOptions(writer);
        writer.WriteString(ClassName, className);
        writer.WriteString("_diffusers_version", DiffusersFolder.FormatVersion);
    });
}
