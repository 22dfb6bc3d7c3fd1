using Diffusion.Training;
using Diffusion.TestKit.PowerLoss;

namespace Diffusion.TestKit;

/// <summary>Looks at a folder of checkpoints as the next process would that uses it.</summary>
public static class CheckpointInspection
{
    /// <summary>
    /// What is wrong with a folder; null when a reader and the next writer both find what was promised, and nothing half-written.
    /// </summary>
    /// <param name="checkpoints">The folder.</param>
    /// <param name="promised">The last step that was said to be saved; 0 for none.</param>
    public static string? Problem(string checkpoints, long promised) => ProblemOfReader(checkpoints, promised) ?? Try(() =>
    {
        using CheckpointStore writer = new(checkpoints, new CheckpointRetention(), new RecordingDisk(checkpoints));
        writer.Lock();
        long found = writer.ReadLatestManifest()?.Step ?? 0;
        string[] left = [.. Directory.GetDirectories(checkpoints).Select(path => Path.GetFileName(path))
            .Where(name => !name.StartsWith("step-", StringComparison.Ordinal))];
        return found < promised ? $"step {promised} was promised, but {found} found"
            : left.Length > 0 ? $"{string.Join(", ", left)} was left lying"
            : null;
    });

    /// <summary>
    /// What is wrong with a folder, seen by a process that changes nothing; null when it finds what was promised, and nothing half-written.
    /// </summary>
    /// <param name="checkpoints">The folder.</param>
    /// <param name="promised">The last step that was said to be saved; 0 for none.</param>
    public static string? ProblemOfReader(string checkpoints, long promised) => Try(() =>
    {
        foreach (CheckpointName name in new CheckpointFolder(checkpoints, new LocalDisk()).Checkpoints)
        {
            CheckpointReader.Verify(Path.Combine(checkpoints, name.ToString()));
        }

        using CheckpointStore reader = new(checkpoints);
        long read = reader.ReadLatestManifest()?.Step ?? 0;
        return read < promised ? $"step {promised} was promised, but a reader found {read}" : null;
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
