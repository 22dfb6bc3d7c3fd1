using System.Diagnostics;
using TorchSharp;

namespace Diffusion.Training;

/// <summary>
/// Writes the files, the manifest and the folder of a checkpoint under a temporary name, so that they survive a power failure.
/// </summary>
internal sealed class CheckpointWriter(IDisk disk)
{
    /// <summary>Writes a checkpoint.</summary>
    /// <param name="checkpoint">The state.</param>
    /// <param name="folder">The folder to create. It must not exist.</param>
    public void Write(Checkpoint checkpoint, string folder)
    {
        using Activity? activity = TrainingActivity.StartCheckpoint(checkpoint.Manifest.Step);
        disk.CreateFolder(folder);
        List<CheckpointFile> files =
        [
            WriteTensors(folder, CheckpointFiles.Weights, checkpoint.Weights),
            WriteTensors(folder, CheckpointFormat.OptimizerFile, checkpoint.Optimizer),
            .. checkpoint.Manifest.Averages.Zip(checkpoint.Averages, (average, weights) => WriteTensors(folder, average.File, weights)),
        ];
        byte[] manifest = CheckpointFormat.Write(checkpoint.Manifest with { Files = files });
        using (IDiskFile file = disk.CreateFile(Path.Combine(folder, CheckpointFiles.Manifest), manifest.Length))
        {
            file.Write(manifest);
            file.Sync();
        }

        disk.SyncFolder(folder);
    }

    private CheckpointFile WriteTensors(string folder, string name, IReadOnlyDictionary<string, torch.Tensor> tensors)
    {
        string path = Path.Combine(folder, name);
        using IDiskFile file = disk.CreateFile(path, tensors.Values.Sum(tensor => tensor.NumberOfElements * tensor.ElementSize));
        using HashingWriter writer = new(file);
        SafeTensorsFile.WriteTo(writer, path, tensors);
        file.Sync();
        return writer.Finish(name);
    }
}
