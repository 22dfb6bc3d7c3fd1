namespace Diffusion.Data;

/// <summary>A complete local copy of a remote file. While it is held nobody deletes the copy.</summary>
/// <param name="path">The copy.</param>
/// <param name="hold">Keeps it from being deleted.</param>
/// <param name="note">What it came from.</param>
internal sealed class CachedFile(string path, FileStream hold, CachedCopy note) : IDisposable
{
    /// <summary>The copy.</summary>
    public string Path { get; } = path;

    /// <summary>The version that it is of.</summary>
    public RemoteVersion Version => note.Version;

    /// <summary>Tells versions of the file apart.</summary>
    public long Stamp => note.Stamp;

    /// <summary>Lets the copy be deleted once the room is needed.</summary>
    public void Dispose() => hold.Dispose();
}
