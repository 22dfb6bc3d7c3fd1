namespace Diffusion.Data;

/// <summary>A complete local copy of a remote file, protected from deletion until it is disposed.</summary>
/// <param name="path">The copy.</param>
/// <param name="hold">An open handle that protects the copy from deletion.</param>
/// <param name="note">The description of the copy.</param>
internal sealed class CachedFile(string path, FileStream hold, CachedCopy note) : IDisposable
{
    /// <summary>The copy.</summary>
    public string Path { get; } = path;

    /// <summary>The version of the file.</summary>
    public RemoteVersion Version => note.Version;

    /// <summary>Identifies the version of the file.</summary>
    public long Stamp => note.Stamp;

    /// <summary>Allows the copy to be deleted when space is needed.</summary>
    public void Dispose() => hold.Dispose();
}
