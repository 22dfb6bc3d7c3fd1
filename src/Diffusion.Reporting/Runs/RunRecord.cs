using System.Globalization;
using Diffusion.Training;

namespace Diffusion.Reporting;

/// <summary>Everything that a run folder says about its run, which may still be training.</summary>
internal sealed class RunRecord
{
    private const string Prefix = "step-";
    private const string Extension = ".png";

    private RunRecord(string folder)
    {
        Folder = folder;
        Metrics = new RunMetrics(folder);
    }

    /// <summary>The full path of the folder.</summary>
    public string Folder { get; }

    /// <summary>The name of the folder.</summary>
    public string Name => Path.GetFileName(Folder);

    /// <summary>The reports.</summary>
    public RunMetrics Metrics { get; }

    /// <summary>What is known beside the reports; null if the run was trained without a page.</summary>
    public RunFacts? Facts { get; private set; }

    /// <summary>The grids of samples, by step.</summary>
    public IReadOnlyList<(long Step, string Path)> Samples { get; private set; } = [];

    /// <summary>The picture of the images; null if there is none.</summary>
    public string? DataPicture => File.Exists(DataPictureIn(Folder)) ? DataPictureIn(Folder) : null;

    /// <summary>The size of the newest checkpoint in bytes; null if there is none.</summary>
    public long? CheckpointBytes
    {
        get
        {
            try
            {
                return new DirectoryInfo(Path.Combine(Folder, CheckpointFiles.Folder)).EnumerateDirectories()
                    .Where(folder => CheckpointName.TryParse(folder.Name) is not null)
                    .MaxBy(folder => CheckpointName.TryParse(folder.Name)!.Value.Step)?.EnumerateFiles().Sum(file => file.Length);
            }
            catch (IOException)
            {
                return null; // There is no checkpoint, or the run deletes it at this moment.
            }
        }
    }

    /// <summary>When the run was last heard of.</summary>
    public DateTimeOffset? LastHeard =>
        File.GetLastWriteTimeUtc(Path.Combine(Folder, MetricsFile.FileName)) is { Year: > 1900 } time ? new DateTimeOffset(time) : null;

    /// <summary>A text that changes whenever the page of the run would, found without reading the run.</summary>
    public string Version
    {
        get
        {
            long length = new FileInfo(Path.Combine(Folder, MetricsFile.FileName)) is { Exists: true } metrics ? metrics.Length : 0;
            long facts = File.GetLastWriteTimeUtc(Path.Combine(Folder, RunFacts.FileName)).Ticks;
            long samples = ListSamples(Folder) is [.., var newest] ? newest.Step : 0;
            return string.Create(CultureInfo.InvariantCulture, $"{length:x}-{facts:x}-{samples:x}");
        }
    }

    /// <summary>How the run ended, unless it has gone on since; null otherwise.</summary>
    public RunEnding? Ending => EndingOf(Facts, Metrics.Last);

    /// <summary>All findings, by step.</summary>
    public IReadOnlyList<HealthFinding> Findings =>
    [
        .. Metrics.Findings.Concat(Facts?.Findings ?? []).DistinctBy(finding => (finding.Kind, finding.Step))
            .OrderBy(finding => finding.Step),
    ];

    /// <summary>How a run ended, unless it has reported a later step since; null otherwise.</summary>
    public static RunEnding? EndingOf(RunFacts? facts, RunPoint? last) =>
        facts?.Ending is { } ending && ending.Step >= (last?.Step ?? 0) ? ending : null;

    /// <summary>Whether a folder is that of a run.</summary>
    public static bool IsRun(string folder) => File.Exists(Path.Combine(folder, MetricsFile.FileName))
        || File.Exists(Path.Combine(folder, RunFacts.FileName)) || Directory.Exists(Path.Combine(folder, CheckpointFiles.Folder));

    /// <summary>Opens the folder of a run, and reads nothing yet.</summary>
    /// <exception cref="DirectoryNotFoundException">The folder does not exist, or is not that of a run.</exception>
    public static RunRecord Open(string folder)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(folder);
        string path = Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder));
        return !Directory.Exists(path)
            ? throw new DirectoryNotFoundException(
                $"The run folder '{folder}' does not exist. Use the folder that was passed to UseCheckpoints.")
            : !IsRun(path) ? throw new DirectoryNotFoundException(
                $"The folder '{folder}' is not that of a run: it has neither {MetricsFile.FileName} nor {RunFacts.FileName} nor "
                + $"{CheckpointFiles.Folder}. Use the folder that was passed to UseCheckpoints.")
            : new RunRecord(path);
    }

    /// <summary>The path of the grid of samples of a step.</summary>
    public static string SamplesIn(string folder, long step) => Path.Combine(
        SampleFolder(folder), $"{Prefix}{step.ToString("D9", CultureInfo.InvariantCulture)}{Extension}");

    /// <summary>The path of the picture of the images.</summary>
    public static string DataPictureIn(string folder) => Path.Combine(folder, "data.png");

    /// <summary>The grids of samples in a run folder, by step.</summary>
    public static IReadOnlyList<(long Step, string Path)> ListSamples(string folder)
    {
        string samples = SampleFolder(folder);
        return Directory.Exists(samples)
            ?
            [
                .. Directory.EnumerateFiles(samples, $"{Prefix}*{Extension}").Where(path => StepOf(path) is not null)
                    .Select(path => (StepOf(path)!.Value, path)).OrderBy(sample => sample.Value),
            ]
            : [];
    }

    /// <summary>Reads everything that has changed since the last call.</summary>
    /// <exception cref="IOException">A file cannot be read.</exception>
    public void Refresh()
    {
        Facts = RunFacts.Read(Folder);
        Metrics.Refresh();
        Samples = ListSamples(Folder);
    }

    private static string SampleFolder(string folder) => Path.Combine(folder, "previews");

    private static long? StepOf(string path) => long.TryParse(
        Path.GetFileNameWithoutExtension(path)[Prefix.Length..], NumberStyles.None, CultureInfo.InvariantCulture, out long step)
            ? step
            : null;
}
