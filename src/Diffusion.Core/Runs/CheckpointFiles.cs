using System.Globalization;
using System.Text.Json;

namespace Diffusion;

/// <summary>The files of a checkpoint, and how they are read: only content that is exactly as it was written is accepted.</summary>
internal static class CheckpointFiles
{
    /// <summary>The folder of checkpoints in the folder of a run.</summary>
    public const string Folder = "checkpoints";

    public const string Manifest = "manifest.json";
    public const string Weights = "weights.safetensors";

    /// <summary>The version of the format that this library writes and reads.</summary>
    public const int Version = 2;

    /// <summary>The maximum size of a manifest in bytes.</summary>
    public const int MaxManifest = 1 << 18;

    private const int DiskFailure = 5; // EIO
    private const int DiskFailureOnWindows = unchecked((int)0x80070017); // ERROR_CRC

    /// <summary>Whether a path is the folder of a checkpoint, complete or not.</summary>
    public static bool IsCheckpoint(string folder) =>
        File.Exists(Path.Combine(folder, Manifest)) && File.Exists(Path.Combine(folder, Weights));

    /// <summary>Reads a manifest.</summary>
    /// <returns>Its JSON, whose seal and version are verified.</returns>
    /// <exception cref="CheckpointDamageException">The file is missing or damaged.</exception>
    /// <exception cref="CheckpointException">The file has another version, or cannot be read now.</exception>
    public static byte[] ReadManifest(string folder)
    {
        string path = Path.Combine(folder, Manifest);
        byte[] json = Attempt(folder, () =>
        {
            using FileStream file = new(path, new FileStreamOptions { BufferSize = 0 });
            if (file.Length > MaxManifest)
            {
                throw new CheckpointDamageException(folder, $"{Manifest} has {file.Length} bytes, but must have at most {MaxManifest}.");
            }

            byte[] bytes = new byte[file.Length];
            file.ReadExactly(bytes);
            return GitLfsPointer.IsPointer(bytes, bytes.Length)
                ? throw new CheckpointException($"'{path}' cannot be read: {GitLfsPointer.Explanation}")
                : bytes;
        });
        VerifyManifest(json, folder);
        return json;
    }

    /// <summary>Verifies the seal and the version of a manifest.</summary>
    /// <exception cref="CheckpointDamageException">The manifest is damaged.</exception>
    /// <exception cref="CheckpointException">The manifest has another version.</exception>
    public static void VerifyManifest(ReadOnlySpan<byte> json, string folder)
    {
        if (!ManifestSeal.IsWhole(json))
        {
            // Version 1 had no seal.
            throw VersionIn(json) is 1 and int first
                ? OtherVersion(folder, first)
                : new CheckpointDamageException(folder, $"{Manifest} does not match its sha256.");
        }

        if (VersionIn(json) is not Version and var version)
        {
            throw OtherVersion(folder, version);
        }
    }

    /// <summary>Reads and verifies a file of tensors.</summary>
    /// <returns>The tensors; the caller disposes them.</returns>
    /// <exception cref="CheckpointDamageException">The file is missing or damaged.</exception>
    /// <exception cref="CheckpointException">The file cannot be read now.</exception>
    public static SafeTensors ReadTensors(string folder, CheckpointFile listed) => Attempt(folder, () =>
    {
        using FileStream file = Open(folder, listed);
        using HashingReader reader = new(file);
        SafeTensors tensors = SafeTensorsFile.ReadFrom(reader, file.Name);
        try
        {
            Match(folder, listed, reader);
            return tensors;
        }
        catch
        {
            tensors.Dispose();
            throw;
        }
    });

    /// <summary>Verifies a file without keeping it in memory.</summary>
    /// <exception cref="CheckpointDamageException">The file is missing or damaged.</exception>
    /// <exception cref="CheckpointException">The file cannot be read now.</exception>
    public static void Verify(string folder, CheckpointFile listed) => Attempt(folder, () =>
    {
        using FileStream file = Open(folder, listed);
        using HashingReader reader = new(file);
        byte[] piece = new byte[(int)Math.Clamp(listed.Size, 1, 1 << 23)];
        while (reader.Read(piece.AsSpan()) > 0)
        {
            // The reader hashes.
        }

        Match(folder, listed, reader);
        return true;
    });

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

    private static void Match(string folder, CheckpointFile listed, HashingReader reader)
    {
        if (reader.Finish() != listed.Sha256)
        {
            throw new CheckpointDamageException(folder, $"{listed.Name} does not match its SHA-256.");
        }
    }

    // A file that is missing, truncated or unreadable on the disk is damaged. After any other error it may be intact.
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

    private static int? VersionIn(ReadOnlySpan<byte> json)
    {
        try
        {
            Utf8JsonReader reader = new(json);
            using JsonDocument document = JsonDocument.ParseValue(ref reader);
            return document.RootElement.ValueKind == JsonValueKind.Object
                && document.RootElement.TryGetProperty("formatVersion", out JsonElement version)
                && version.ValueKind == JsonValueKind.Number && version.TryGetInt32(out int number)
                ? number
                : null;
        }
        catch (Exception problem) when (problem is JsonException or InvalidOperationException)
        {
            return null; // InvalidOperationException: a name contains half a surrogate pair.
        }
    }

    private static CheckpointException OtherVersion(string path, int? version) => new(
        $"Checkpoint '{path}' has format version {version?.ToString(CultureInfo.InvariantCulture) ?? "unknown"}; this library reads "
        + $"{Version}. Use the version of the library that wrote it.");
}
