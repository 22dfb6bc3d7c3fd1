using TorchSharp;

namespace Diffusion.Training;

/// <summary>Reads and verifies checkpoints.</summary>
internal static class CheckpointReader
{
    private const int DiskFailure = 5; // EIO
    private const int DiskFailureOnWindows = unchecked((int)0x80070017); // ERROR_CRC

    /// <summary>Whether a path is the folder of a checkpoint, intact or not.</summary>
    public static bool IsCheckpoint(string folder) =>
        File.Exists(Path.Combine(folder, CheckpointFormat.ManifestFile)) && File.Exists(Path.Combine(folder, CheckpointFormat.WeightsFile));

    /// <summary>Reads and verifies a complete checkpoint.</summary>
    /// <returns>The checkpoint, which the caller disposes.</returns>
    /// <exception cref="CheckpointDamageException">A file is missing or damaged.</exception>
    /// <exception cref="CheckpointException">
    /// The format has another version, or a file cannot be read for another reason than damage.
    /// </exception>
    public static OpenCheckpoint Read(string folder)
    {
        CheckpointManifest manifest = ReadManifest(folder);
        List<SafeTensors> read = [];
        try
        {
            SafeTensors weights = Keep(ReadTensors(folder, manifest, CheckpointFormat.WeightsFile));
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
    public static CheckpointManifest ReadManifest(string folder)
    {
        string path = Path.Combine(folder, CheckpointFormat.ManifestFile);
        byte[] json = Attempt(folder, () =>
        {
            using FileStream file = new(path, new FileStreamOptions { BufferSize = 0 });
            if (file.Length > CheckpointFormat.MaxManifest)
            {
                throw new CheckpointDamageException(folder,
                    $"{CheckpointFormat.ManifestFile} has {file.Length} bytes, but must have at most {CheckpointFormat.MaxManifest}.");
            }

            byte[] bytes = new byte[file.Length];
            file.ReadExactly(bytes);
            return GitLfsPointer.IsPointer(bytes, bytes.Length)
                ? throw new CheckpointException($"'{path}' cannot be read: {GitLfsPointer.Explanation}")
                : bytes;
        });
        return CheckpointFormat.Read(json, folder);
    }

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

    /// <summary>Verifies all files of a checkpoint on disk, without loading them into memory.</summary>
    public static void Verify(string folder)
    {
        foreach (CheckpointFile listed in ReadManifest(folder).Files)
        {
            Attempt(folder, () =>
            {
                using FileStream file = Open(folder, listed);
                using HashingReader reader = new(file);
                byte[] piece = new byte[(int)Math.Clamp(listed.Size, 1, 1 << 23)];
                while (reader.Read(piece.AsSpan()) > 0)
                {
                    // The reader computes the hash.
                }

                return Matches(folder, listed, reader);
            });
        }
    }

    private static SafeTensors ReadTensors(string folder, CheckpointManifest manifest, string name)
    {
        CheckpointFile listed = manifest.Files.Single(file => file.Name == name);
        return Attempt(folder, () =>
        {
            using FileStream file = Open(folder, listed);
            using HashingReader reader = new(file);
            SafeTensors tensors = SafeTensorsFile.ReadFrom(reader, file.Name);
            try
            {
                Matches(folder, listed, reader);
                return tensors;
            }
            catch
            {
                tensors.Dispose();
                throw;
            }
        });
    }

    private static FileStream Open(string folder, CheckpointFile listed)
    {
        FileStream file = new(Path.Combine(folder, listed.Name), new FileStreamOptions { BufferSize = 0 });
        if (file.Length == listed.Size)
        {
            return file;
        }

        long length = file.Length;
        bool isPointer = GitLfsPointer.IsPointer(file);
        file.Dispose();
        throw isPointer
            ? new CheckpointException($"'{file.Name}' cannot be read: {GitLfsPointer.Explanation}")
            : new CheckpointDamageException(folder, $"{listed.Name} has {length} bytes, but must have {listed.Size}.");
    }

    private static bool Matches(string folder, CheckpointFile listed, HashingReader reader) =>
        reader.Finish() == listed.Sha256
            ? true
            : throw new CheckpointDamageException(folder, $"{listed.Name} does not match its SHA-256.");

    // Missing, truncated or physically unreadable files mean damage. For any other error the checkpoint may be intact.
    private static T Attempt<T>(string folder, Func<T> read)
    {
        try
        {
            return read();
        }
        catch (IOException problem) when (
            problem is FileNotFoundException or DirectoryNotFoundException or EndOfStreamException or SafeTensorsException
                || problem.HResult is DiskFailure or DiskFailureOnWindows)
        {
            throw new CheckpointDamageException(folder, problem.Message, problem);
        }
        catch (IOException problem)
        {
            throw new CheckpointException(
                $"Checkpoint '{folder}' cannot be read at the moment, but may be intact: {problem.Message} Try again.", problem);
        }
        catch (UnauthorizedAccessException problem)
        {
            throw new CheckpointException(
                $"Checkpoint '{folder}' cannot be read: {problem.Message} Run as a user who has permission.", problem);
        }
    }
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
