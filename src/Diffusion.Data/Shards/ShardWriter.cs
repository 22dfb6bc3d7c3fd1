using System.Formats.Tar;
using System.Globalization;
using System.Text;

namespace Diffusion.Data;

/// <summary>
/// Writes samples to shards of limited size, <c>NAME-000000.tar</c>, <c>NAME-000001.tar</c> and so on, each with its index. Equal samples
/// give equal bytes: owner, permissions and time of every file are fixed. A shard appears under its name when it is complete.
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

    /// <summary>Creates a writer.</summary>
    /// <param name="folder">The folder; created if it is missing.</param>
    /// <param name="name">The prefix of the names of the shards. Default <c>shard</c>.</param>
    /// <param name="maxSamples">The maximum number of samples in a shard, at least 1. Default 1000.</param>
    /// <param name="maxBytes">A shard that reaches this size in bytes is finished. At least 1. Default 1 GiB.</param>
    /// <exception cref="IOException">The folder cannot be created, or already contains shards with this name.</exception>
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
            throw new IOException(
                $"{first}: the folder already contains shards with this name. Delete them, or use another folder or name.");
        }

        this.folder = folder;
        this.name = name;
        this.maxSamples = maxSamples;
        this.maxBytes = maxBytes;
    }

    /// <summary>The number of finished shards.</summary>
    public int Shards { get; private set; }

    /// <summary>Writes one sample.</summary>
    /// <param name="key">The key: unique, without a dot in its last part; <c>/</c> separates folders.</param>
    /// <param name="files">The files by extension, in lower case and without the leading dot: <c>jpg</c>, <c>cls</c>.</param>
    /// <exception cref="ArgumentException">The key or an extension is invalid.</exception>
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
                    + "Use a key without a dot in its last part and without names like __this__, and extensions in lower case.");
            }
        }

        ThrowIfFailed();
        failed = true; // reset when the sample is written
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
    /// <exception cref="ImageDataException">Two samples have the same key.</exception>
    /// <exception cref="InvalidOperationException">This shard or an earlier one could not be written.</exception>
    public void Finish()
    {
        ThrowIfFailed();
        if (tar is null)
        {
            return;
        }

        failed = true; // reset when the shard is finished
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

    /// <summary>Deletes the shard that was not finished.</summary>
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
            // The unfinished shard is deleted anyway.
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
                $"Shard {Shards} could not be written. Dispose the writer, delete its shards and write them again.");
        }
    }

    private TarWriter Begin()
    {
        current = Path.Combine(folder, $".{name}.{Path.GetRandomFileName()}.tmp");
        file = File.Create(current);
        tar = new TarWriter(file, TarEntryFormat.Ustar, leaveOpen: true);
        return tar;
    }

    // USTAR supports short ASCII names, GNU's format supports all names. PAX would too, but .NET writes the process ID into its headers.
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
