using Diffusion.Training;
using Microsoft.Win32.SafeHandles;

namespace Diffusion.TestKit;

/// <summary>Two checkpoints; the newer is damaged in one place after the other, looked at, and mended.</summary>
public sealed class CheckpointDamage : IDisposable
{
    private readonly TemporaryFolder folder = TemporaryFolder.InMemory();
    private readonly CheckpointStore store;
    private readonly List<SafeFileHandle> handles = [];

    /// <summary>Saves two checkpoints.</summary>
    /// <param name="elements">How many numbers each file of them holds.</param>
    public CheckpointDamage(int elements)
    {
        store = new CheckpointStore(folder.File("checkpoints"));
        foreach (long step in (long[])[1, 2])
        {
            using SampleCheckpoint checkpoint = new(step, elements);
            store.Save(checkpoint.Value);
        }

        store.Dispose(); // Who only reads renames nothing.
        string[] paths = [.. Directory.GetFiles(store.Latest!).Order(StringComparer.Ordinal)];
        Files = [.. paths.Select(path => new Part(Path.GetFileName(path), File.ReadAllBytes(path)))];
        handles.AddRange(paths.Select(path => File.OpenHandle(path, access: FileAccess.Write, share: FileShare.ReadWrite)));
    }

    /// <summary>The files of the newer one.</summary>
    public IReadOnlyList<Part> Files { get; }

    /// <summary>Flips one bit, looks, and flips it back.</summary>
    /// <returns>What is wrong with what was seen; null for nothing.</returns>
    public string? Flip(int file, int place, int bit)
    {
        RandomAccess.Write(handles[file], [(byte)(Files[file].Bytes[place] ^ (1 << bit))], place);
        string? problem = Look(file);
        RandomAccess.Write(handles[file], Files[file].Bytes.AsSpan(place, 1), place);
        return problem is null ? null : $"{Files[file].Name}, byte {place}, bit {bit}: {problem}";
    }

    /// <summary>Cuts a file off, looks, and makes it whole again.</summary>
    /// <returns>As above.</returns>
    public string? Cut(int file, int length)
    {
        RandomAccess.SetLength(handles[file], length);
        string? problem = Look(file);
        RandomAccess.Write(handles[file], Files[file].Bytes.AsSpan(length), length);
        return problem is null ? null : $"{Files[file].Name}, cut to {length} bytes: {problem}";
    }

    /// <summary>Looks at the checkpoints as they were saved.</summary>
    /// <returns>As above.</returns>
    public string? LookUnharmed() => SampleCheckpoint.StepIn(store) is 2 ? null : "The newer checkpoint is not as it was saved.";

    /// <inheritdoc/>
    public void Dispose()
    {
        handles.ForEach(handle => handle.Dispose());
        folder.Dispose();
    }

    // The older one must be handed out, and the newer never; its damage must be told, and where it is.
    private string? Look(int file)
    {
        List<string> told = [];
        try
        {
            return SampleCheckpoint.StepIn(store,
                (path, reason) => told.Add($"{path}: {reason}")) is not 1 ? "the damaged checkpoint was handed out."
                : told is not [string one] ? $"{told.Count} checkpoints were told to be damaged."
                : one.Contains(Files[file].Name, StringComparison.Ordinal) ? null
                : $"it was told that {one}";
        }
#pragma warning disable CA1031 // Whatever it is, the older checkpoint was not handed out.
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
