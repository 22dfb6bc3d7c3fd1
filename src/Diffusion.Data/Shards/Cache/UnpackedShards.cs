using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace Diffusion.Data;

/// <summary>
/// Unpacked copies of gzip shards in folders, each bound to the bytes that it came from: by the identity of that file, else by its SHA-256.
/// A path has one copy at most.
/// </summary>
internal sealed class UnpackedShards(ShardCache cache, ShardUnpacker unpacker, long limit)
{
    private const string Extension = ".tar";
    private const string NoteExtension = ".unpacked";

    private readonly HashSet<string> used = new(StringComparer.Ordinal);
    private readonly Lock gate = new();

    /// <summary>The unpacked copy of a shard, made where it is not there.</summary>
    /// <param name="name">The gzip file, by its full path.</param>
    /// <param name="cancellationToken">Ends the work.</param>
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

        // A file that changed just now may change again unseen: it is hashed once more the next time.
        Note found = new(identity.IsSettledAt(cache.Now) ? identity.Stamp : 0, hash, FileIdentity.Of(copy).Stamp);
        cache.TryWrite(cache.PathFor(name, NoteExtension), found.ToBytes());
        return copy;
    }

    /// <summary>Deletes the copy of a shard, because it cannot be used.</summary>
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

    // The copies used longest ago go first; those of this source stay.
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

    // What a copy came from, and what it is: the stamps of both files, and the hash of the first.
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
