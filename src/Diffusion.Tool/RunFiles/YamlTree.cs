using System.Globalization;
using System.Text.Json.Nodes;
using YamlDotNet.Core;
using YamlDotNet.RepresentationModel;

namespace Diffusion.Tool.RunFiles;

/// <summary>Reads YAML as the tree that the same JSON gives.</summary>
internal static class YamlTree
{
    /// <summary>Reads one document.</summary>
    /// <returns>The tree; null for an empty document.</returns>
    /// <exception cref="YamlException">The text is not YAML.</exception>
    public static JsonNode? Parse(string text)
    {
        YamlStream stream = [];
        stream.Load(new StringReader(text));
        return stream.Documents switch
        {
            [] => null,
            [var document] => Node(document.RootNode),
            [_, var second, ..] => throw new YamlException(
                second.RootNode.Start, second.RootNode.End, "There are several documents. Use one file for each."),
        };
    }

    // An alias may stand for a node that contains it, which has no tree.
    private static JsonNode? Node(YamlNode node) => node switch
    {
        { Anchor.IsEmpty: false } => throw new YamlException(node.Start, node.End, "Anchors are not supported. Repeat the values."),
        YamlMappingNode map => new JsonObject(map.Children.Select(pair => KeyValuePair.Create(Key(pair.Key), Node(pair.Value)))),
        YamlSequenceNode list => new JsonArray([.. list.Children.Select(Node)]),
        YamlScalarNode { Style: ScalarStyle.Plain } plain => Plain(plain.Value ?? string.Empty),
        YamlScalarNode quoted => JsonValue.Create(quoted.Value ?? string.Empty),
        _ => throw new YamlException(node.Start, node.End, "This node is not supported."),
    };

    private static string Key(YamlNode key) => key is YamlScalarNode { Value: { } name }
        ? name
        : throw new YamlException(key.Start, key.End, "A name must be text.");

    // The core schema of YAML 1.2, in which yes and no are text.
    private static JsonValue? Plain(string text) => text switch
    {
        "" or "~" or "null" or "Null" or "NULL" => null,
        "true" or "True" or "TRUE" => JsonValue.Create(true),
        "false" or "False" or "FALSE" => JsonValue.Create(false),
        _ when long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out long whole) => JsonValue.Create(whole),
        _ when double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out double number) && double.IsFinite(number)
            => JsonValue.Create(number),
        _ => JsonValue.Create(text),
    };
}
