namespace Diffusion.TestKit;

/// <summary>An empty folder that is gone after the test.</summary>
public sealed class TemporaryFolder : IDisposable
{
    private const string Prefix = "diffusion-net-";
    private const string SharedMemory = "/dev/shm";

    /// <summary>A folder where the system keeps such ones.</summary>
    public TemporaryFolder()
        : this(Directory.CreateTempSubdirectory(Prefix).FullName)
    {
    }

    private TemporaryFolder(string path) => Path = path;

    public string Path { get; }

    /// <summary>A folder in memory where there is such a place, for many small files that are synced again and again.</summary>
    public static TemporaryFolder InMemory() =>
        Directory.Exists(SharedMemory)
            ? new(Directory.CreateDirectory(System.IO.Path.Combine(SharedMemory, Prefix + Guid.NewGuid().ToString("N"))).FullName)
            : new();

    /// <summary>The path of a file within; its folder is made.</summary>
    public string File(params string[] parts)
    {
        string path = System.IO.Path.Combine([Path, .. parts]);
        Directory.CreateDirectory(System.IO.Path.GetDirectoryName(path)!);
        return path;
    }

    public void Dispose() => Directory.Delete(Path, recursive: true);
}
