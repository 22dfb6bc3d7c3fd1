using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Microsoft.Win32.SafeHandles;

namespace Diffusion.Training;

/// <summary>A file of one JSON object per line, each flushed at once.</summary>
/// <param name="path">The file; made with its first line.</param>
/// <param name="type">How an object becomes JSON.</param>
internal sealed class JsonLines<T>(string path, JsonTypeInfo<T> type)
    where T : class
{
    /// <summary>Appends one line.</summary>
    public void Add(T value) => File.AppendAllText(path, JsonSerializer.Serialize(value, type) + "\n");

    /// <summary>Drops lines, and those that were not written whole. The file is replaced at once or not at all.</summary>
    /// <param name="keep">Which stay.</param>
    public void Keep(Func<T, bool> keep)
    {
        if (!File.Exists(path))
        {
            return;
        }

        string replacement = path + ".new";
        File.WriteAllLines(replacement, File.ReadLines(path).Where(line => Parse(line) is { } value && keep(value)));
        using (SafeFileHandle handle = File.OpenHandle(replacement, FileMode.Open, FileAccess.ReadWrite))
        {
            DiskSync.File(handle, replacement);
        }

        File.Move(replacement, path, overwrite: true);
    }

    private T? Parse(string line)
    {
        try
        {
            return JsonSerializer.Deserialize(line, type);
        }
        catch (JsonException)
        {
            return null;
        }
    }
}
