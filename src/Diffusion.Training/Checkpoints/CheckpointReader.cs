using TorchSharp;

namespace Diffusion.Training;

/// <summary>Reads and verifies checkpoints.</summary>
internal static class CheckpointReader
{
    /// <summary>Reads and verifies a checkpoint.</summary>
    /// <returns>The checkpoint; the caller disposes it.</returns>
    /// <exception cref="CheckpointDamageException">A file is missing or damaged.</exception>
    /// <exception cref="CheckpointException">The checkpoint has another version of the format.</exception>
    public static OpenCheckpoint Read(string folder)
    {
        CheckpointManifest manifest = ReadManifest(folder);
        List<SafeTensors> read = [];
        try
        {
            SafeTensors weights = Keep(ReadTensors(folder, manifest, CheckpointFiles.Weights));
            SafeTensors optimizer = Keep(ReadTensors(folder, manifest, CheckpointFormat.OptimizerFile));
            IReadOnlyDictionary<string, torch.Tensor>[] averages =
                [.. manifest.Averages.Select(average => Keep(ReadTensors(folder, manifest, average.File)).Tensors)];
            return new OpenCheckpoint(new Checkpoint(manifest, weights.Tensors, averages, optimizer.Tensors), read);
        }
        catch
        {
            read.ForEach(tensors => tensors.Dispose());
            throw;
        }

        SafeTensors Keep(SafeTensors tensors)
        {
            read.Add(tensors);
            return tensors;
        }
    }

    /// <summary>Reads the manifest only.</summary>
    public static CheckpointManifest ReadManifest(string folder) => CheckpointFormat.Parse(CheckpointFiles.ReadManifest(folder), folder);

    /// <summary>Reads the manifest only; null if it cannot be read.</summary>
    public static CheckpointManifest? TryReadManifest(string folder)
    {
        try
        {
            return ReadManifest(folder);
        }
        catch (Exception problem) when (problem is CheckpointDamageException or CheckpointException)
        {
            return null;
        }
    }

    /// <summary>Verifies the files of a checkpoint without keeping them in memory.</summary>
    public static void Verify(string folder)
    {
        foreach (CheckpointFile listed in ReadManifest(folder).Files)
        {
            CheckpointFiles.Verify(folder, listed);
        }
    }

    private static SafeTensors ReadTensors(string folder, CheckpointManifest manifest, string name) =>
        CheckpointFiles.ReadTensors(folder, manifest.Files.Single(file => file.Name == name));
}

/// <summary>A checkpoint in memory.</summary>
internal sealed class OpenCheckpoint(Checkpoint checkpoint, IReadOnlyList<SafeTensors> tensors) : IDisposable
{
    public Checkpoint Checkpoint { get; } = checkpoint;

    public void Dispose()
    {
        foreach (SafeTensors file in tensors)
        {
            file.Dispose();
        }
    }
}
