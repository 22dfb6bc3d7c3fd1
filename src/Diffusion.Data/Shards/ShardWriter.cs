using System.Formats.Tar;
using System.Globalization;
using System.Text;

namespace Diffusion.Data;

/// <summary>
/// Writes samples into shards of a bounded size, <c>NAME-000000.tar</c> and on, each with its index beside it. The same samples give the
/// same bytes: owner, rights and time of every file are fixed. A shard appears under its name when it is whole.
/// </summary>
public sealed class ShardWriter : IDisposable
{
    private const int NormalizedName = 100;

    private readonly string folder;
    private readonly string name;
    private readonly int maxSamples;
    private readonly long maxBytes;
    private FileStream? file;
    private TarWriter? tar;
    private string? current;
    private int samples;
    private bool failed;

    /// <summary>A writer into a folder.</summary>
    /// <param name="folder">The folder; made where it is missing.</param>
    /// <param name="name">What the names of the shards begin with.</param>
    /// <param name="maxSamples">The most samples of a shard, at least 1. Default 1000.</param>
    /// <param name="maxBytes">Once a shard has as many bytes, the next one begins. Default 1 GiB.</param>
    /// <exception cref="IOException">The folder cannot be made, or holds shards of this name already.</exception>
    public ShardWriter(string folder, string name = "shard", int maxSamples = 1000, long maxBytes = 1L << 30)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(folder);
        ArgumentException.ThrowIfNullOrWhiteSpace(name);
        ArgumentOutOfRangeException.ThrowIfLessThan(maxSamples, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(maxBytes, 1);
        folder = Path.GetFullPath(folder);
        Directory.CreateDirectory(folder);
        if (Directory.GetFiles(folder, $"{name}-*.tar") is [string first, ..])
        {
            throw new IOException($"{first}: the folder holds shards of this name already. Remove them, or choose another folder or name.");
        }

        this.folder = folder;
        this.name = name;
        this.maxSamples = maxSamples;
        this.maxBytes = maxBytes;
    }

    /// <summary>The shards that are whole.</summary>
    public int Shards { get; private set; }

    /// <summary>Writes one sample.</summary>
    /// <param name="key">Its key: unlike all others, without a dot in its last part; folders are parted by <c>/</c>.</param>
    /// <param name="files">Its files by extension, without the first dot: <c>jpg</c>, <c>cls</c>.</param>
    /// <exception cref="ArgumentException">The key or an extension cannot be one.</exception>
    /// <exception cref="IOException">The shard cannot be written.</exception>
    /// <exception cref="InvalidOperationException">An earlier shard could not be written.</exception>
    public void Write(string key, IReadOnlyDictionary<string, byte[]> files)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(key);
        ArgumentNullException.ThrowIfNull(files);
        foreach (string extension in files.Keys)
        {
            if (!ShardKey.TrySplit($"{key}.{extension}", out string readKey, out string readExtension) || readKey != key
                || readExtension != extension)
            {
                throw new ArgumentException(
                    $"'{key}.{extension}' would not be read as the file '{extension}' of sample '{key}'. "
                    + "Use a key without a dot in its last part, no name like __this__, and extensions in lower case.");
            }
        }

        ThrowIfFailed();
        failed = true; // unless all of it is written
        TarWriter writer = tar ?? Begin();
        foreach ((string extension, byte[] bytes) in files.OrderBy(entry => entry.Key, StringComparer.Ordinal))
        {
            writer.WriteEntry(Entry($"{key}.{extension}", bytes));
        }

        failed = false;
        samples++;
        if (samples >= maxSamples || file!.Length >= maxBytes)
        {
            Finish();
        }
    }

    /// <summary>Finishes the last shard.</summary>
    /// <exception cref="IOException">The shard cannot be written.</exception>
    /// <exception cref="ImageDataException">Two samples have one key.</exception>
    /// <exception cref="InvalidOperationException">It, or an earlier shard, could not be written.</exception>
    public void Finish()
    {
        ThrowIfFailed();
        if (tar is null)
        {
            return;
        }

        failed = true; // unless it comes to its place
        tar.Dispose();
        tar = null;
        file!.Dispose();
        string path = Path.Combine(folder, string.Create(CultureInfo.InvariantCulture, $"{name}-{Shards:D6}.tar"));
        using (FileStream written = File.OpenRead(current!))
        {
            ShardIndex.Write(path + ShardIndex.Extension, written.Length, stamp: 0,
                ShardScanner.Scan(written, path, CancellationToken.None));
        }

        File.Move(current!, path);
        current = null;
        Shards++;
        samples = 0;
        failed = false;
    }

    /// <summary>Drops a shard that was not finished.</summary>
    public void Dispose()
    {
        try
        {
            using (file)
            {
                tar?.Dispose();
            }
        }
        catch (IOException)
        {
            // What cannot be written is dropped all the same.
        }

        if (current is not null)
        {
            File.Delete(current);
        }
    }

    private void ThrowIfFailed()
    {
        if (failed)
        {
            throw new InvalidOperationException(
                $"The shard after the first {Shards} could not be written. Dispose this writer, remove its shards and write them anew.");
        }
    }

    private TarWriter Begin()
    {
        current = Path.Combine(folder, $".{name}.{Path.GetRandomFileName()}.tmp");
        file = File.Create(current);
        tar = new TarWriter(file, TarEntryFormat.Ustar, leaveOpen: true);
        return tar;
    }

    // USTAR holds short names of plain letters; GNU's format any, and .NET's PAX would too, but writes the number of the process into its
    // headers.
    private static System.Formats.Tar.TarEntry Entry(string path, byte[] bytes)
    {
        System.Formats.Tar.TarEntry entry = Encoding.UTF8.GetByteCount(path) < NormalizedName && Ascii.IsValid(path)
            ? new UstarTarEntry(TarEntryType.RegularFile, path)
            : new GnuTarEntry(TarEntryType.RegularFile, path);
        entry.ModificationTime = DateTimeOffset.UnixEpoch;
        entry.Mode = UnixFileMode.UserRead | UnixFileMode.GroupRead | UnixFileMode.OtherRead;
        entry.DataStream = new MemoryStream(bytes);
        return entry;
    }
}
