using Diffusion.Training;
using Microsoft.Win32.SafeHandles;

namespace Diffusion.TestKit;

/// <summary>Two checkpoints. The newer one is damaged at one place at a time, read, and restored.</summary>
public sealed class CheckpointDamage : IDisposable
{
    private readonly TemporaryFolder folder = new();
    private readonly CheckpointStore store;
    private readonly List<SafeFileHandle> handles = [];

    /// <summary>Saves two checkpoints.</summary>
    /// <param name="elements">The number of elements in each file.</param>
    public CheckpointDamage(int elements)
    {
        store = new CheckpointStore(folder.File("checkpoints"));
        foreach (long step in (long[])[1, 2])
        {
            using SampleCheckpoint checkpoint = new(step, elements);
            store.Save(checkpoint.Value);
        }

        store.Dispose(); // Without the lock, reading renames nothing.
        string[] paths = [.. Directory.GetFiles(store.Latest!).Order(StringComparer.Ordinal)];
        Files = [.. paths.Select(path => new Part(Path.GetFileName(path), File.ReadAllBytes(path)))];
        handles.AddRange(paths.Select(path => File.OpenHandle(path, access: FileAccess.Write, share: FileShare.ReadWrite)));
    }

    /// <summary>The files of the newer checkpoint.</summary>
    public IReadOnlyList<Part> Files { get; }

    /// <summary>Flips one bit, reads, and flips it back.</summary>
    /// <returns>What is wrong with the result; null if nothing is.</returns>
    public string? Flip(int file, int place, int bit)
    {
        RandomAccess.Write(handles[file], [(byte)(Files[file].Bytes[place] ^ (1 << bit))], place);
        string? problem = Look(file);
        RandomAccess.Write(handles[file], Files[file].Bytes.AsSpan(place, 1), place);
        return problem is null ? null : $"{Files[file].Name}, byte {place}, bit {bit}: {problem}";
    }

    /// <summary>Truncates a file, reads, and restores it.</summary>
    /// <returns>As above.</returns>
    public string? Cut(int file, int length)
    {
        RandomAccess.SetLength(handles[file], length);
        string? problem = Look(file);
        RandomAccess.Write(handles[file], Files[file].Bytes.AsSpan(length), length);
        return problem is null ? null : $"{Files[file].Name}, cut to {length} bytes: {problem}";
    }

    /// <summary>Reads the undamaged checkpoints.</summary>
    /// <returns>As above.</returns>
    public string? LookUnharmed() => SampleCheckpoint.StepIn(store) is 2 ? null : "The newer checkpoint differs from what was saved.";

    /// <inheritdoc/>
    public void Dispose()
    {
        handles.ForEach(handle => handle.Dispose());
        folder.Dispose();
    }

    // The store must return the older checkpoint, never the newer one, and report the damaged file.
    private string? Look(int file)
    {
        List<string> reported = [];
        try
        {
            return SampleCheckpoint.StepIn(store,
                (path, reason) => reported.Add($"{path}: {reason}")) is not 1 ? "the damaged checkpoint was returned."
                : reported is not [string one] ? $"{reported.Count} checkpoints were reported as damaged."
                : one.Contains(Files[file].Name, StringComparison.Ordinal) ? null
                : $"the report names another file: {one}";
        }
#pragma warning disable CA1031 // After any exception, the older checkpoint was not returned.
        catch (Exception problem)
#pragma warning restore CA1031
        {
            return $"it threw {problem}";
        }
    }

    /// <summary>A file of a checkpoint.</summary>
    /// <param name="Name">Its name.</param>
    /// <param name="Bytes">Its bytes.</param>
    public sealed record Part(string Name, byte[] Bytes);
}
