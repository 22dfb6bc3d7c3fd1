using System.Text.Json;
using System.Text.Json.Nodes;
using Diffusion.Tool.Terminal;
using YamlDotNet.Core;

namespace Diffusion.Tool.RunFiles;

/// <summary>Reads the text of a run file: JSON if its name ends in .json, otherwise YAML.</summary>
internal static class RunFileText
{
    private static readonly JsonDocumentOptions Json = new()
    {
        AllowDuplicateProperties = false, AllowTrailingCommas = true, CommentHandling = JsonCommentHandling.Skip,
    };

    /// <summary>Reads a run file as a tree. Its names and values are not checked.</summary>
    /// <exception cref="ToolUsageException">The file is missing, or is neither JSON nor YAML.</exception>
    public static JsonObject Read(string path)
    {
        if (!File.Exists(path))
        {
            throw new ToolUsageException($"There is no run file '{path}'. Name a .json, .yaml or .yml file.");
        }

        string text = File.ReadAllText(path);
        try
        {
            JsonNode? root = Path.GetExtension(path).Equals(".json", StringComparison.OrdinalIgnoreCase)
                ? JsonNode.Parse(text, documentOptions: Json)
                : YamlTree.Parse(text);
            return root as JsonObject
                ?? throw new ToolUsageException($"'{path}' must contain sections such as data: and training:, but has none.");
        }
        catch (JsonException error)
        {
            throw new ToolUsageException($"'{path}' is not valid JSON: {error.Message}");
        }
        catch (YamlException error)
        {
            throw new ToolUsageException($"'{path}' is not valid YAML: line {error.Start.Line}: {error.Message}");
        }
    }
}
