using System.Text.Json.Nodes;
using Diffusion.Tool.Terminal;
using YamlDotNet.Core;

namespace Diffusion.Tool.RunFiles;

/// <summary>Values from the command line that replace those of a run file: <c>training.steps=100</c>.</summary>
internal static class RunFileOverrides
{
    /// <summary>Sets one value.</summary>
    /// <param name="root">The tree of the run file.</param>
    /// <param name="setting">A path of names with dots, an equals sign, and a value in YAML.</param>
    /// <exception cref="ToolUsageException">The setting has no name or value, or the value is not YAML.</exception>
    public static void Apply(JsonObject root, string setting)
    {
        int equals = setting.IndexOf('=', StringComparison.Ordinal);
        string[] names = equals > 0 ? setting[..equals].Split('.') : [];
        if (names.Length == 0 || names.Any(string.IsNullOrWhiteSpace))
        {
            throw new ToolUsageException($"--set '{setting}' must be a name and a value, such as training.steps=1000.");
        }

        JsonObject section = root;
        foreach (string name in names[..^1])
        {
            string key = KeyOf(section, name);
            if (section[key] is not JsonObject inner)
            {
                section[key] = inner = [];
            }

            section = inner;
        }

        try
        {
            section[KeyOf(section, names[^1])] = YamlTree.Parse(setting[(equals + 1)..]);
        }
        catch (YamlException error)
        {
            throw new ToolUsageException($"The value of --set '{setting}' is not valid YAML: {error.Message}");
        }
    }

    private static string KeyOf(JsonObject section, string name) =>
        section.Select(pair => pair.Key).FirstOrDefault(key => key.Equals(name, StringComparison.OrdinalIgnoreCase)) ?? name;
}
