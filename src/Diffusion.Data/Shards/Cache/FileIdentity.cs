using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Microsoft.Win32.SafeHandles;

namespace Diffusion.Data;

/// <summary>
/// Identifies the version of a file without reading it. On Linux this includes the kernel's change time, which no program can set: copying
/// with dates, unpacking a backup and writing in place all change it. Other systems have no such time here; the identity is then not
/// <see cref="IsStrong"/>.
/// </summary>
/// <param name="Inode">The file's number on its disk; 0 when unknown.</param>
/// <param name="Length">The size, in bytes.</param>
/// <param name="Modified">The modification time, which programs can set.</param>
/// <param name="Changed">The kernel's change time, in nanoseconds; 0 when unknown.</param>
internal readonly partial record struct FileIdentity(long Inode, long Length, long Modified, long Changed)
{
    private const int Here = -100; // AT_FDCWD
    private const int OfTheHandle = 0x1000; // AT_EMPTY_PATH
    private const uint BasicFields = 0x7FF; // STATX_BASIC_STATS
    private const int StatusBytes = 256;
    private const long NanosecondsPerSecond = 1_000_000_000;

    // The time resolution of file systems is 10 ms (ext4, XFS) to 2 s (FAT): two changes within it look like one.
    private static readonly TimeSpan Coarsest = TimeSpan.FromSeconds(2);

    // A C library older than 2018 has none.
    private static readonly bool HasStatx = OperatingSystem.IsLinux()
        && NativeLibrary.TryLoad("libc", typeof(FileIdentity).Assembly, null, out nint library)
        && NativeLibrary.TryGetExport(library, "statx", out _);

    /// <summary>Whether equal identities mean equal bytes, once they are settled.</summary>
    public bool IsStrong => Changed != 0;

    /// <summary>Whether a later change would be noticed: false for a file that was changed just now.</summary>
    /// <param name="now">The current time.</param>
    public bool IsSettledAt(DateTimeOffset now) =>
        IsStrong && now - DateTimeOffset.UnixEpoch.AddTicks(Changed / TimeSpan.NanosecondsPerTick) > Coarsest;

    /// <summary>A hash of all fields; never 0.</summary>
    public long Stamp
    {
        get
        {
            Span<byte> fields = stackalloc byte[4 * sizeof(long)];
            BinaryPrimitives.WriteInt64LittleEndian(fields, Inode);
            BinaryPrimitives.WriteInt64LittleEndian(fields[8..], Length);
            BinaryPrimitives.WriteInt64LittleEndian(fields[16..], Modified);
            BinaryPrimitives.WriteInt64LittleEndian(fields[24..], Changed);
            return BinaryPrimitives.ReadInt64LittleEndian(SHA256.HashData(fields)) | 1;
        }
    }

    /// <summary>The identity of a file; for a link, of its target.</summary>
    /// <exception cref="IOException">The file does not exist, or it cannot be accessed.</exception>
    public static FileIdentity Of(string path)
    {
        Span<byte> status = stackalloc byte[StatusBytes];
        if (HasStatx && Statx(Here, path, 0, BasicFields, status) == 0)
        {
            return FromStatus(status);
        }

        FileInfo file = new(path);
        return new FileIdentity(0, file.Length, file.LastWriteTimeUtc.Ticks, 0);
    }

    /// <summary>The identity of an open file; null when unknown. Allocates nothing, because each image that is read asks.</summary>
    public static FileIdentity? TryOf(SafeFileHandle file)
    {
        Span<byte> status = stackalloc byte[StatusBytes];
        return HasStatx && Statx(file, string.Empty, OfTheHandle, BasicFields, status) == 0 ? FromStatus(status) : null;
    }

    private static FileIdentity FromStatus(ReadOnlySpan<byte> status) =>
        new(Number(status, 32), Number(status, 40), Time(status, 112), Time(status, 96));

    private static long Number(ReadOnlySpan<byte> status, int at) => BitConverter.ToInt64(status[at..]);

    private static long Time(ReadOnlySpan<byte> status, int at) =>
        (Number(status, at) * NanosecondsPerSecond) + BitConverter.ToUInt32(status[(at + 8)..]);

    // The kernel's layout, the same on every processor: https://man7.org/linux/man-pages/man2/statx.2.html
    [LibraryImport("libc", EntryPoint = "statx", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Statx(int folder, string path, int flags, uint fields, Span<byte> status);

    [LibraryImport("libc", EntryPoint = "statx", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Statx(SafeFileHandle file, string path, int flags, uint fields, Span<byte> status);
}
