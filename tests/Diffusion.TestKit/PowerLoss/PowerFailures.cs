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
    /// <param name="averages">How many averages each has, up to three.</param>
    /// <param name="background">Whether each is saved on a thread of its own; it is promised as soon as that is done.</param>
    public static IReadOnlyList<DiskOperation> Record(string folder, IReadOnlyList<long> steps, int keep, int averages = 0,
        bool background = false)
    {
        RecordingDisk disk = new(folder);
        using CheckpointStore store = new(Path.Combine(folder, "checkpoints"), new CheckpointRetention { Last = keep }, disk);
        using BackgroundSaver saver = new(store);
        foreach (long step in steps)
        {
            using SampleCheckpoint checkpoint = new(step, elements: 4, averages: averages);
            if (background)
            {
                saver.Begin(checkpoint.Value);
                saver.Finish();
            }
            else
            {
                store.Save(checkpoint.Value);
            }

            disk.Promise(step);
        }

        return disk.Operations;
    }

    /// <summary>The places of the syncs in a history without which something may be lost.</summary>
    /// <remarks>
    /// The save that deletes another syncs the folder twice, before it deletes and before it promises anything: the first of these is not
    /// listed.
    /// </remarks>
    public static IEnumerable<int> NeededSyncs(IReadOnlyList<DiskOperation> operations) =>
        Enumerable.Range(0, operations.Count).Where(place => operations[place].IsSync
        && !operations.Skip(place + 1).TakeWhile(next => next is not DiskOperation.Promise and not DiskOperation.Delete)
            .Contains(operations[place]));

    /// <summary>Every different state that a power failure may leave: null where it holds what was promised, else what it lacks.</summary>
    /// <param name="operations">The history.</param>
    /// <param name="folder">A folder to lay the states out in; each takes the place of the one before.</param>
    /// <param name="from">How many operations are done before the power may fail.</param>
    public static IEnumerable<string?> Try(IReadOnlyList<DiskOperation> operations, string folder, int from = 0)
    {
        DiskModel model = new();
        HashSet<string> seen = new(StringComparer.Ordinal);
        for (int done = 0; done <= operations.Count; done++)
        {
            IEnumerable<IReadOnlyDictionary<string, byte[]>> states = done < from ? [] : model.States();
            foreach (IReadOnlyDictionary<string, byte[]> state in states.Where(state => seen.Add(Key(state, model.Promised))))
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

    /// <summary>What may be lost when one sync of a history is left out; null when nothing is.</summary>
    /// <param name="operations">The history.</param>
    /// <param name="sync">The place of the sync that is left out. Before it nothing differs.</param>
    /// <param name="folder">As above.</param>
    public static string? LossWithout(IReadOnlyList<DiskOperation> operations, int sync, string folder) =>
        Try([.. operations.Take(sync), .. operations.Skip(sync + 1)], folder, from: sync).FirstOrDefault(failure => failure is not null);

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
