namespace Diffusion.TestKit;

/// <summary>An empty folder that is deleted after the test.</summary>
public sealed class TemporaryFolder : IDisposable
{
    private const string Prefix = "diffusion-net-";
    private const string SharedMemory = "/dev/shm";
    private const long Room = 1L << 30;

    private static readonly bool HasSharedMemory =
        Directory.Exists(SharedMemory) && new DriveInfo(SharedMemory).AvailableFreeSpace >= Room;

    /// <summary>A folder in memory if the system has one with room: saving waits for a disk, and tests save many small files.</summary>
    public TemporaryFolder()
        : this(HasSharedMemory ? NewIn(SharedMemory) : NewOnDisk())
    {
    }

    private TemporaryFolder(string path) => Path = path;

    public string Path { get; }

    /// <summary>A folder in the system's temporary folder, for large files, links to files on the disk, and tests of saving.</summary>
    public static TemporaryFolder OnDisk() => new(NewOnDisk());

    /// <summary>The path of a file in the folder; creates its parent folder.</summary>
    public string File(params string[] parts)
    {
        string path = System.IO.Path.Combine([Path, .. parts]);
        Directory.CreateDirectory(System.IO.Path.GetDirectoryName(path)!);
        return path;
    }

    public void Dispose() => Directory.Delete(Path, recursive: true);

    private static string NewOnDisk() => Directory.CreateTempSubdirectory(Prefix).FullName;

    private static string NewIn(string parent) =>
        Directory.CreateDirectory(System.IO.Path.Combine(parent, Prefix + Guid.NewGuid().ToString("N"))).FullName;
}
