namespace Diffusion.TestKit.PowerLoss;

/// <summary>One disk operation of a program, with paths relative to the recorded folder.</summary>
public abstract record DiskOperation
{
    public sealed record CreateFolder(string Path) : DiskOperation;

    public sealed record CreateFile(string Path) : DiskOperation;

    public sealed record Write(string Path, byte[] Bytes) : DiskOperation;

    public sealed record SyncFile(string Path) : DiskOperation;

    public sealed record SyncFolder(string Path) : DiskOperation;

    public sealed record Rename(string From, string To) : DiskOperation;

    public sealed record Delete(string Path) : DiskOperation;

    /// <summary>The program reported this step as saved.</summary>
    public sealed record Promise(long Step) : DiskOperation;

    /// <summary>Whether it is a sync, which makes data survive a power failure.</summary>
    public bool IsSync => this is SyncFile or SyncFolder;
}
