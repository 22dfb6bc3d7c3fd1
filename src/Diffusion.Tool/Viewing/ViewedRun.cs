using Diffusion.Reporting;

namespace Diffusion.Tool.Viewing;

/// <summary>A run that pages show. Several threads can use it at the same time.</summary>
/// <param name="record">The run.</param>
internal sealed class ViewedRun(RunRecord record)
{
    private readonly Lock gate = new();

    /// <summary>The name of its folder.</summary>
    public string Name => record.Name;

    /// <summary>When it was last heard of.</summary>
    public DateTimeOffset? LastHeard => record.LastHeard;

    /// <inheritdoc cref="RunRecord.Version"/>
    public string Version
    {
        get
        {
            try
            {
                return record.Version;
            }
            catch (Exception error) when (error is IOException or UnauthorizedAccessException)
            {
                return "unreadable";
            }
        }
    }

    /// <summary>Reads the newest report, the newest grid of samples and how the run ended, but not the whole run.</summary>
    /// <exception cref="IOException">A file cannot be read.</exception>
    public (RunPoint? Last, string? Samples, string? Ending) Summary
    {
        get
        {
            RunPoint? last = RunMetrics.ReadLast(record.Folder);
            string? samples = RunRecord.ListSamples(record.Folder) is [.., var newest] ? Path.GetFileName(newest.Path) : null;
            return (last, samples, RunRecord.EndingOf(RunFacts.Read(record.Folder), last)?.Reason);
        }
    }

    /// <summary>Reads what is new in the run, and uses it.</summary>
    /// <param name="use">Receives the run, which no other thread changes meanwhile.</param>
    public T Read<T>(Func<RunRecord, T> use)
    {
        lock (gate)
        {
            record.Refresh();
            return use(record);
        }
    }

    /// <summary>A picture of the run as a PNG file; null if it has none of this name.</summary>
    public byte[]? Picture(string name) =>
        RunPlots.All.ContainsKey(name) ? Read(run => RunPlots.Png(run.Metrics, name))
        : name == Path.GetFileName(RunRecord.DataPictureIn(record.Folder)) ? record.DataPicture is { } path ? File.ReadAllBytes(path) : null
        : RunRecord.ListSamples(record.Folder).FirstOrDefault(sample => Path.GetFileName(sample.Path) == name).Path is { } samples
            ? File.ReadAllBytes(samples)
        : null;
}
