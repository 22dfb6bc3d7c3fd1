using Diffusion.Training;
using Diffusion.TestKit.PowerLoss;

namespace Diffusion.TestKit;

/// <summary>Inspects a folder of checkpoints as the next process would use it.</summary>
public static class CheckpointInspection
{
    /// <summary>
    /// What is wrong with a folder; null if a reader and the next writer both find every saved checkpoint and nothing half-written.
    /// </summary>
    /// <param name="checkpoints">The folder.</param>
    /// <param name="promised">The last step that was reported as saved; 0 for none.</param>
    public static string? Problem(string checkpoints, long promised) => ProblemOfReader(checkpoints, promised) ?? Try(() =>
    {
        using CheckpointStore writer = new(checkpoints, new CheckpointRetention(), new RecordingDisk(checkpoints));
        writer.Lock();
        long found = writer.ReadLatestManifest()?.Step ?? 0;
        string[] left = [.. Directory.GetDirectories(checkpoints).Select(path => Path.GetFileName(path))
            .Where(name => !name.StartsWith("step-", StringComparison.Ordinal))];
        return found < promised ? $"step {promised} was reported as saved, but {found} was found"
            : left.Length > 0 ? $"{string.Join(", ", left)} was left in the folder"
            : null;
    });

    /// <summary>
    /// What is wrong with a folder for a process that only reads; null if it finds every saved checkpoint and nothing half-written.
    /// </summary>
    /// <param name="checkpoints">The folder.</param>
    /// <param name="promised">The last step that was reported as saved; 0 for none.</param>
    public static string? ProblemOfReader(string checkpoints, long promised) => Try(() =>
    {
        foreach (CheckpointName name in new CheckpointFolder(checkpoints, new LocalDisk()).Checkpoints)
        {
            CheckpointReader.Verify(Path.Combine(checkpoints, name.ToString()));
        }

        using CheckpointStore reader = new(checkpoints);
        long read = reader.ReadLatestManifest()?.Step ?? 0;
        return read < promised ? $"step {promised} was reported as saved, but a reader found {read}" : null;
    });

    private static string? Try(Func<string?> look)
    {
        try
        {
            return look();
        }
        catch (Exception problem) when (problem is CheckpointException or CheckpointDamageException)
        {
            return problem.Message;
        }
    }
}
