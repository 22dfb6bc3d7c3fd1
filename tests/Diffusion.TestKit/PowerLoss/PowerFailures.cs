using System.Security.Cryptography;
using System.Text;
using Diffusion.Training;

namespace Diffusion.TestKit.PowerLoss;

/// <summary>Simulates a power failure at every moment of a recorded history, with every legal result, and checks what is left.</summary>
public static class PowerFailures
{
    /// <summary>Saves checkpoints in turn and records the disk operations.</summary>
    /// <param name="folder">An empty folder.</param>
    /// <param name="steps">The steps to save; a step that occurs twice replaces its first checkpoint.</param>
    /// <param name="keep">The number of checkpoints that are kept.</param>
    /// <param name="averages">The number of averages in each checkpoint, up to three.</param>
    /// <param name="background">Whether each is saved on a background thread; it is reported as saved when the thread is done.</param>
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

    /// <summary>The indices of the syncs in a history without which data can be lost.</summary>
    /// <remarks>
    /// A save that deletes another checkpoint syncs the folder twice before it deletes or reports anything: the first of these syncs is
    /// not listed.
    /// </remarks>
    public static IEnumerable<int> NeededSyncs(IReadOnlyList<DiskOperation> operations) =>
        Enumerable.Range(0, operations.Count).Where(place => operations[place].IsSync
        && !operations.Skip(place + 1).TakeWhile(next => next is not DiskOperation.Promise and not DiskOperation.Delete)
            .Contains(operations[place]));

    /// <summary>
    /// Checks every different state that a power failure can leave: null if it contains every saved checkpoint, else what is missing.
    /// </summary>
    /// <param name="operations">The history.</param>
    /// <param name="folder">A folder for the states; each replaces the previous one.</param>
    /// <param name="from">The number of operations before the power can fail.</param>
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

    /// <summary>What can be lost if one sync of a history is removed; null if nothing can.</summary>
    /// <param name="operations">The history.</param>
    /// <param name="sync">The index of the removed sync. States before it do not differ.</param>
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
