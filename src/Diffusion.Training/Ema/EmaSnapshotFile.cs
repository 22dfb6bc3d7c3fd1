using System.Security.Cryptography;
using System.Text;
using TorchSharp;

namespace Diffusion.Training;

/// <summary>One snapshot of an average: float32 safetensors whose metadata contain a SHA-256 of its name and weights.</summary>
internal static class EmaSnapshotFile
{
    private const string HashKey = "sha256";

    /// <summary>Writes a snapshot. After a failure, even of the power, the file is complete or does not exist.</summary>
    /// <param name="folder">The folder. It must exist.</param>
    /// <param name="name">The name of the file.</param>
    /// <param name="weights">The averaged weights by name, float32.</param>
    /// <exception cref="IOException">The file cannot be written.</exception>
    /// <exception cref="UnauthorizedAccessException">There is no permission to write the file.</exception>
    public static void Write(string folder, EmaSnapshotName name, IReadOnlyDictionary<string, torch.Tensor> weights)
    {
        using DisposeScope scope = torch.NewDisposeScope();
        Dictionary<string, torch.Tensor> onCpu =
            weights.ToDictionary(pair => pair.Key, pair => pair.Value.detach().ToHost().contiguous(), StringComparer.Ordinal);

        SafeTensorsFile.Write(Path.Combine(folder, name.ToString()), onCpu, new Dictionary<string, string>(StringComparer.Ordinal)
        {
            [HashKey] = HashOf(name, onCpu),
        });
    }

    /// <summary>Reads and verifies a snapshot.</summary>
    /// <returns>The averaged weights, which the caller disposes.</returns>
    /// <exception cref="CheckpointException">The snapshot is damaged, or cannot be read now.</exception>
    public static SafeTensors Read(string folder, EmaSnapshotName name)
    {
        string path = Path.Combine(folder, name.ToString());
        SafeTensors snapshot;
        try
        {
            snapshot = SafeTensorsFile.Read(path);
        }
        catch (SafeTensorsException problem)
        {
            throw Damaged(path, problem.Message, problem);
        }
        catch (Exception problem) when (problem is IOException or UnauthorizedAccessException)
        {
            throw new CheckpointException($"The snapshot '{path}' cannot be read: {problem.Message} Try again.", problem);
        }

        if (snapshot.Metadata.GetValueOrDefault(HashKey) == HashOf(name, snapshot.Tensors))
        {
            return snapshot;
        }

        snapshot.Dispose();
        throw Damaged(path, "it does not match its SHA-256.", cause: null);
    }

    // Of the names, shapes and numbers, in the order of the names.
    private static string HashOf(EmaSnapshotName name, IReadOnlyDictionary<string, torch.Tensor> weights)
    {
        using IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        hash.AppendData(Encoding.UTF8.GetBytes(name.ToString()));
        foreach ((string key, torch.Tensor tensor) in weights.OrderBy(pair => pair.Key, StringComparer.Ordinal))
        {
            hash.AppendData(Encoding.UTF8.GetBytes($"\n{key} {tensor.dtype} {string.Join('x', tensor.shape)}\n"));
            TensorMemory.ForEachPiece(tensor, (piece, _) => hash.AppendData(piece));
        }

        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    private static CheckpointException Damaged(string path, string reason, Exception? cause)
    {
        CheckpointDamageException damage = new(path, reason, cause);
        return new CheckpointException($"The snapshot {damage.Message} Delete it, to reconstruct averages from the others.", damage);
    }
}
