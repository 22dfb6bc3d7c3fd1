namespace Diffusion.TestKit.PowerLoss;

/// <summary>One thing that a program asked of a disk, by paths relative to the folder that is watched.</summary>
public abstract record DiskOperation
{
    public sealed record CreateFolder(string Path) : DiskOperation;

    public sealed record CreateFile(string Path) : DiskOperation;

    public sealed record Write(string Path, byte[] Bytes) : DiskOperation;

    public sealed record SyncFile(string Path) : DiskOperation;

    public sealed record SyncFolder(string Path) : DiskOperation;

    public sealed record Rename(string From, string To) : DiskOperation;

    public sealed record Delete(string Path) : DiskOperation;

    /// <summary>The program said to its user that so many steps are safe.</summary>
    public sealed record Promise(long Step) : DiskOperation;

    /// <summary>Whether it makes something survive a power failure.</summary>
    public bool IsSync => this is SyncFile or SyncFolder;
}
