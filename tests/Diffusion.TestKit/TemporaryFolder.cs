namespace Diffusion.TestKit;

/// <summary>An empty folder that is deleted after the test.</summary>
public sealed class TemporaryFolder : IDisposable
{
    private const string Prefix = "diffusion-net-";
    private const string SharedMemory = "/dev/shm";

    /// <summary>A folder in the system's temporary folder.</summary>
    public TemporaryFolder()
        : this(Directory.CreateTempSubdirectory(Prefix).FullName)
    {
    }

    private TemporaryFolder(string path) => Path = path;

    public string Path { get; }

    /// <summary>A folder in memory if the system has one, for many small files that are synced repeatedly.</summary>
    public static TemporaryFolder InMemory() =>
        Directory.Exists(SharedMemory)
            ? new(Directory.CreateDirectory(System.IO.Path.Combine(SharedMemory, Prefix + Guid.NewGuid().ToString("N"))).FullName)
            : new();

    /// <summary>The path of a file in the folder; creates its parent folder.</summary>
    public string File(params string[] parts)
    {
        string path = System.IO.Path.Combine([Path, .. parts]);
        Directory.CreateDirectory(System.IO.Path.GetDirectoryName(path)!);
        return path;
    }

    public void Dispose() => Directory.Delete(Path, recursive: true);
}
