using System.Security.Cryptography;
using System.Text;
using Diffusion.Training;

namespace Diffusion.TestKit.PowerLoss;

/// <summary>Lets the power fail at every moment of a recorded history, in every legal way, and looks what is left.</summary>
public static class PowerFailures
{
    /// <summary>Saves some checkpoints in a row and writes down what that asked of the disk.</summary>
    /// <param name="folder">Where; empty.</param>
    /// <param name="steps">The steps to save at; one that comes twice takes its own place again.</param>
    /// <param name="keep">How many are kept.</param>
    public static IReadOnlyList<DiskOperation> Record(string folder, IReadOnlyList<long> steps, int keep)
    {
        RecordingDisk disk = new(folder);
        using CheckpointStore store = new(Path.Combine(folder, "checkpoints"), new CheckpointRetention { Last = keep }, disk);
        foreach (long step in steps)
        {
            using SampleCheckpoint checkpoint = new(step, elements: 4, averaged: false);
            store.Save(checkpoint.Value);
            disk.Promise(step);
        }

        return disk.Operations;
    }

    /// <summary>Every different state that a power failure may leave: null where it holds what was promised, else what it lacks.</summary>
    /// <param name="operations">The history.</param>
    /// <param name="folder">A folder to lay the states out in; each takes the place of the one before.</param>
    public static IEnumerable<string?> Try(IReadOnlyList<DiskOperation> operations, string folder)
    {
        DiskModel model = new();
        HashSet<string> seen = new(StringComparer.Ordinal);
        for (int done = 0; done <= operations.Count; done++)
        {
            foreach (IReadOnlyDictionary<string, byte[]> state in model.States().Where(state => seen.Add(Key(state, model.Promised))))
            {
                LayOut(state, folder);
                yield return CheckpointInspection.Problem(Path.Combine(folder, "checkpoints"), model.Promised) is { } problem
                    ? $"after operation {done}: {problem}"
                    : null;
            }

            if (done < operations.Count)
            {
                model.Apply(operations[done]);
            }
        }
    }

    private static void LayOut(IReadOnlyDictionary<string, byte[]> state, string folder)
    {
        Directory.Delete(folder, recursive: true);
        foreach ((string path, byte[] bytes) in state.OrderBy(entry => entry.Key.Length))
        {
            string place = folder + path;
            Directory.CreateDirectory(Path.GetDirectoryName(place)!);
            if (path.EndsWith('/'))
            {
                Directory.CreateDirectory(place);
            }
            else
            {
                File.WriteAllBytes(place, bytes);
            }
        }
    }

    private static string Key(IReadOnlyDictionary<string, byte[]> state, long promised)
    {
        using IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        hash.AppendData(BitConverter.GetBytes(promised));
        foreach ((string path, byte[] bytes) in state.OrderBy(entry => entry.Key, StringComparer.Ordinal))
        {
            hash.AppendData(Encoding.UTF8.GetBytes($"{path}\0{bytes.Length}\0"));
            hash.AppendData(bytes);
        }

        return Convert.ToHexString(hash.GetHashAndReset());
    }
}
