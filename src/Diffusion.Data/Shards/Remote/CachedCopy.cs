using System.Buffers.Binary;
using System.Globalization;
using System.Net.Http.Headers;
using System.Security.Cryptography;

namespace Diffusion.Data;

/// <summary>The description of a local copy, stored in a small file next to it.</summary>
/// <param name="Version">The version on the server.</param>
/// <param name="Length">The size, in bytes.</param>
/// <param name="Hash">The SHA-256, in hexadecimal.</param>
/// <param name="Written">When the copy was written, in ticks. A copy with another time is hashed before it is used.</param>
internal sealed record CachedCopy(RemoteVersion Version, long Length, string Hash, long Written)
{
    /// <summary>The extension of the description.</summary>
    public const string Extension = ".info";

    private const string Format = "remote copy 2";
    private const int Lines = 7;

    /// <summary>A number that identifies the content: from the version if the server names one, otherwise from the hash.</summary>
    public long Stamp => Version.IsNamed
        ? Version.Stamp
        : BinaryPrimitives.ReadInt64LittleEndian(Convert.FromHexString(Hash)) | 1;

    /// <summary>Describes a completely fetched file.</summary>
    public static async Task<CachedCopy> Of(string path, RemoteVersion version, CancellationToken cancellation)
    {
        using FileStream file = new(path, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite | FileShare.Delete);
        string hash = Convert.ToHexStringLower(await SHA256.HashDataAsync(file, cancellation).ConfigureAwait(false));
        DiskSync.File(file.SafeFileHandle, path);
        return new CachedCopy(version with { Length = file.Length }, file.Length, hash, WrittenAt(path));
    }

    /// <summary>Reads the description of a copy; null when it is missing or of another format.</summary>
    public static CachedCopy? TryRead(string path)
    {
        string[] lines = File.Exists(path + Extension) ? File.ReadAllLines(path + Extension) : [];
        if (lines.Length < Lines || lines[0] != Format || lines[4].Length != 2 * SHA256.HashSizeInBytes
            || !lines[4].All(char.IsAsciiHexDigit)
            || !long.TryParse(lines[1], CultureInfo.InvariantCulture, out long length)
                || !long.TryParse(lines[5], CultureInfo.InvariantCulture, out long written))
        {
            return null;
        }

        EntityTagHeaderValue? tag = EntityTagHeaderValue.TryParse(lines[2], out EntityTagHeaderValue? readTag) ? readTag : null;
        DateTimeOffset? modified = DateTimeOffset.TryParse(lines[3], CultureInfo.InvariantCulture, out DateTimeOffset readDate)
            ? readDate
            : null;
        return new CachedCopy(new RemoteVersion(tag, modified, length), length, lines[4], written);
    }

    /// <summary>Writes the description.</summary>
    /// <param name="path">The copy.</param>
    /// <param name="name">A name for people who look into the folder; without secrets.</param>
    public void Write(string path, string name) => File.WriteAllLines(
        path + Extension,
        [
            Format, Length.ToString(CultureInfo.InvariantCulture), Version.Tag?.ToString() ?? string.Empty,
                Version.Modified?.ToString("R", CultureInfo.InvariantCulture) ?? string.Empty,
            Hash, Written.ToString(CultureInfo.InvariantCulture), name,
        ]);

    /// <summary>Whether a file is this copy: by length and time, or else by its hash.</summary>
    public bool IsOf(string path)
    {
        using FileStream file = new(path, FileMode.Open, FileAccess.Read, FileShare.Read | FileShare.Delete);
        return file.Length == Length && (Written == WrittenAt(path) || Convert.ToHexStringLower(SHA256.HashData(file)) == Hash);
    }

    private static long WrittenAt(string path) => File.GetLastWriteTimeUtc(path).Ticks;
}
