using System.Globalization;
using System.Text.Json;
using TorchSharp;

namespace Diffusion.Training;

/// <summary>
/// The checkpoints of a run: one readable folder each (<c>step-000005000</c>), with <c>manifest.json</c>, <c>weights.safetensors</c>,
/// <c>ema.safetensors</c> and <c>optimizer.safetensors</c>. A checkpoint is written under another name and renamed when it is whole; only
/// then are older ones deleted.
/// </summary>
public sealed class CheckpointStore
{
    private const string Prefix = "step-";
    private const string ManifestFile = "manifest.json";
    private const string WeightsFile = "weights.safetensors";
    private const string EmaFile = "ema.safetensors";
    private const string OptimizerFile = "optimizer.safetensors";

    private readonly string folder;
    private readonly int keep;

    /// <summary>The checkpoints in a folder, which is made if it is not there.</summary>
    /// <param name="folder">Where they lie.</param>
    /// <param name="keep">How many are kept, at least 1.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="keep"/> is below 1.</exception>
    /// <exception cref="CheckpointException">The folder cannot be made or written to.</exception>
    public CheckpointStore(string folder, int keep = 2)
    {
        ArgumentException.ThrowIfNullOrEmpty(folder);
        ArgumentOutOfRangeException.ThrowIfLessThan(keep, 1);
        this.folder = Path.GetFullPath(folder);
        this.keep = keep;
        string probe = Path.Combine(this.folder, $".writable-{Guid.NewGuid():N}");
        try
        {
            Directory.CreateDirectory(this.folder);
            File.WriteAllBytes(probe, []);
            File.Delete(probe);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new CheckpointException(
                $"Checkpoints cannot be written to '{this.folder}': {error.Message} Choose a folder that can be written to.", error);
        }
    }

    /// <summary>The folder of the newest checkpoint, or null when there is none.</summary>
    public string? Latest => Folders().LastOrDefault().Path;

    /// <summary>Saves a checkpoint and then deletes what is older than the ones to keep.</summary>
    /// <param name="checkpoint">The state; its tensors are read, not kept.</param>
    /// <returns>The checkpoint's folder.</returns>
    /// <exception cref="CheckpointException">It cannot be written; older checkpoints are untouched.</exception>
    public string Save(Checkpoint checkpoint)
    {
        ArgumentNullException.ThrowIfNull(checkpoint);
        string target = Path.Combine(folder, string.Create(CultureInfo.InvariantCulture, $"{Prefix}{checkpoint.Manifest.Step:D9}"));
        string temporary = Path.Combine(folder, $".saving-{Guid.NewGuid():N}");
        string replaced = Path.Combine(folder, $".replaced-{Guid.NewGuid():N}");
        try
        {
            Directory.CreateDirectory(temporary);
            SafeTensorsFile.Write(Path.Combine(temporary, WeightsFile), checkpoint.Weights);
            SafeTensorsFile.Write(Path.Combine(temporary, OptimizerFile), checkpoint.Optimizer);
            if (checkpoint.Ema is not null)
            {
                SafeTensorsFile.Write(Path.Combine(temporary, EmaFile), checkpoint.Ema);
            }

            File.WriteAllText(
                Path.Combine(temporary, ManifestFile),
                JsonSerializer.Serialize(checkpoint.Manifest, CheckpointJson.Default.CheckpointManifest));
            if (Directory.Exists(target))
            {
                // One of the same step is set aside, not deleted, until the new one has its place.
                Directory.Move(target, replaced);
            }

            Directory.Move(temporary, target);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new CheckpointException(
                $"The checkpoint of step {checkpoint.Manifest.Step} could not be saved to '{target}': {error.Message} "
                + "Earlier checkpoints are untouched. Make room, or choose another folder.",
                error);
        }
        finally
        {
            if (Directory.Exists(temporary))
            {
                Directory.Delete(temporary, recursive: true);
            }
        }

        Delete([replaced, .. Folders().SkipLast(keep).Select(old => old.Path)]);
        return target;
    }

    /// <summary>Reads the manifest of the newest checkpoint, or null when there is none.</summary>
    /// <exception cref="CheckpointException">It is there but cannot be read.</exception>
    public CheckpointManifest? ReadLatestManifest() => Latest is { } path ? ReadManifest(path) : null;

    /// <summary>Hands the newest checkpoint to <paramref name="use"/>, or does nothing when there is none.</summary>
    /// <param name="use">Copies what it needs; the tensors live during the call.</param>
    /// <returns>Whether there was one.</returns>
    /// <exception cref="CheckpointException">It is there but cannot be read, or <paramref name="use"/> refuses it.</exception>
    public bool LoadLatest(Action<Checkpoint> use)
    {
        ArgumentNullException.ThrowIfNull(use);
        if (Latest is not { } path)
        {
            return false;
        }

        CheckpointManifest manifest = ReadManifest(path);
        try
        {
            string emaFile = Path.Combine(path, EmaFile);
            using SafeTensors weights = SafeTensorsFile.Read(Path.Combine(path, WeightsFile));
            using SafeTensors optimizer = SafeTensorsFile.Read(Path.Combine(path, OptimizerFile));
            using SafeTensors? ema = File.Exists(emaFile) ? SafeTensorsFile.Read(emaFile) : null;
            use(new Checkpoint(manifest, weights.Tensors, ema?.Tensors, optimizer.Tensors));
            return true;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or SafeTensorsException)
        {
            throw Unreadable(path, error);
        }
    }

    private static CheckpointManifest ReadManifest(string path)
    {
        try
        {
            string text = File.ReadAllText(Path.Combine(path, ManifestFile));
            using JsonDocument document = JsonDocument.Parse(text);
            int version = document.RootElement.GetProperty("formatVersion").GetInt32();
            return version == CheckpointManifest.CurrentVersion
                ? CheckpointManifest.Parse(text)
                : throw new CheckpointException(
                    $"Checkpoint '{path}' has format version {version}; this library reads {CheckpointManifest.CurrentVersion}. "
                    + "Use the version of the library that wrote it.");
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or JsonException or KeyNotFoundException or InvalidOperationException or FormatException)
        {
            throw Unreadable(path, error);
        }
    }

    private static void Delete(IEnumerable<string> folders)
    {
        foreach (string old in folders.Where(Directory.Exists))
        {
            try
            {
                Directory.Delete(old, recursive: true);
            }
            catch (Exception error) when (error is IOException or UnauthorizedAccessException)
            {
                throw new CheckpointException(
                    $"The new checkpoint is saved, but the old one in '{old}' could not be deleted: {error.Message} Delete it by hand.", error);
            }
        }
    }

    private static CheckpointException Unreadable(string path, Exception error) =>
        new($"Checkpoint '{path}' cannot be read: {error.Message} Move it away to go on from the one before it.", error);

    private IEnumerable<(long Step, string Path)> Folders() =>
        Directory.EnumerateDirectories(folder, Prefix + "*")
            .Select(path => (Known: TryStep(path, out long step), Step: step, Path: path))
            .Where(found => found.Known)
            .Select(found => (found.Step, found.Path))
            .OrderBy(found => found.Step);

    private static bool TryStep(string path, out long step) =>
        long.TryParse(Path.GetFileName(path).AsSpan(Prefix.Length), NumberStyles.None, CultureInfo.InvariantCulture, out step);
}
