using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace Diffusion.Data;

/// <summary>
/// Unpacked copies of local gzip shards. Each belongs to the content of its gzip file, checked by the identity of that file or else by its
/// SHA-256. A path has at most one copy.
/// </summary>
internal sealed class UnpackedShards(ShardCache cache, ShardUnpacker unpacker, long limit)
{
    private const string Extension = ".tar";
    private const string NoteExtension = ".unpacked";

    private readonly HashSet<string> used = new(StringComparer.Ordinal);
    private readonly Lock gate = new();

    /// <summary>The unpacked copy of a shard, created if it is missing.</summary>
    /// <param name="name">The full path of the gzip file.</param>
    /// <param name="cancellationToken">Cancels the work.</param>
    public string CopyOf(string name, CancellationToken cancellationToken)
    {
        string copy = cache.PathFor(name, Extension);
        lock (gate)
        {
            used.Add(copy);
        }

        FileIdentity identity = FileIdentity.Of(name);
        Note? note = Note.TryRead(cache.PathFor(name, NoteExtension));
        bool isWhole = note is not null && File.Exists(copy) && FileIdentity.Of(copy).Stamp == note.Copy;
        if (isWhole && note!.Packed == identity.Stamp)
        {
            return copy;
        }

        string hash = HashOf(name, cancellationToken);
        if (!isWhole || note!.Hash != hash)
        {
            ShardCache.TryDelete(copy);
            unpacker.Unpack(name, name, copy, cancellationToken);
            MakeRoom();
        }

        // A file that was changed just now may change again unnoticed, so it is hashed again the next time.
        Note found = new(identity.IsSettledAt(cache.Now) ? identity.Stamp : 0, hash, FileIdentity.Of(copy).Stamp);
        cache.TryWrite(cache.PathFor(name, NoteExtension), found.ToBytes());
        return copy;
    }

    /// <summary>Deletes the unusable copy of a shard.</summary>
    public void Drop(string name)
    {
        ShardCache.TryDelete(cache.PathFor(name, NoteExtension));
        ShardCache.TryDelete(cache.PathFor(name, Extension));
    }

    private static string HashOf(string path, CancellationToken cancellationToken)
    {
        using FileStream file = new(path, FileMode.Open, FileAccess.Read, FileShare.Read | FileShare.Delete);
        return Convert.ToHexStringLower(SHA256.HashDataAsync(file, cancellationToken).AsTask().GetAwaiter().GetResult());
    }

    // Deletes the least recently used copies first, but none of this source.
    private void MakeRoom()
    {
        lock (gate)
        {
            FileInfo[] copies = [.. new DirectoryInfo(cache.Folder).GetFiles("*" + Extension).OrderBy(copy => copy.LastAccessTimeUtc)];
            long held = copies.Sum(copy => copy.Length);
            foreach (FileInfo copy in copies.Where(copy => !used.Contains(copy.FullName)))
            {
                if (held <= limit)
                {
                    return;
                }

                held -= copy.Length;
                ShardCache.TryDelete(copy.FullName);
            }
        }
    }

    // The stamps of the gzip file and its copy, and the hash of the gzip file.
    private sealed record Note(long Packed, string Hash, long Copy)
    {
        private const string Format = "unpacked shard 1";

        public static Note? TryRead(string path)
        {
            try
            {
                return File.ReadAllLines(path) is [Format, { } packed, { } hash, { } copy]
                    && long.TryParse(packed, CultureInfo.InvariantCulture, out long packedStamp)
                    && long.TryParse(copy, CultureInfo.InvariantCulture, out long copyStamp)
                    ? new Note(packedStamp, hash, copyStamp)
                    : null;
            }
            catch (Exception problem) when (problem is IOException or UnauthorizedAccessException)
            {
                return null;
            }
        }

        public byte[] ToBytes() =>
            Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture, $"{Format}\n{Packed}\n{Hash}\n{Copy}\n"));
    }
}
