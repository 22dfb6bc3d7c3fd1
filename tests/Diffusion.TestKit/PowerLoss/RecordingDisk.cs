using Diffusion.Training;

namespace Diffusion.TestKit.PowerLoss;

/// <summary>A real disk that records its operations and skips syncs to save time.</summary>
internal sealed class RecordingDisk(string root) : IDisk
{
    private readonly LocalDisk disk = new();
    private readonly List<DiskOperation> operations = [];

    public IReadOnlyList<DiskOperation> Operations => operations;

    /// <summary>Records that a step was reported as saved.</summary>
    public void Promise(long step) => operations.Add(new DiskOperation.Promise(step));

    public void CreateFolder(string path)
    {
        disk.CreateFolder(path);
        operations.Add(new DiskOperation.CreateFolder(Relative(path)));
    }

    public IDiskFile CreateFile(string path, long length)
    {
        operations.Add(new DiskOperation.CreateFile(Relative(path)));
        return new RecordedFile(this, disk.CreateFile(path, length), Relative(path));
    }

    public void SyncFolder(string path) => operations.Add(new DiskOperation.SyncFolder(Relative(path)));

    public void RenameFolder(string from, string to)
    {
        disk.RenameFolder(from, to);
        operations.Add(new DiskOperation.Rename(Relative(from), Relative(to)));
    }

    public void DeleteFile(string path)
    {
        disk.DeleteFile(path);
        operations.Add(new DiskOperation.Delete(Relative(path)));
    }

    public void DeleteFolder(string path)
    {
        disk.DeleteFolder(path);
        operations.Add(new DiskOperation.Delete(Relative(path)));
    }

    private string Relative(string path) => Path.GetRelativePath(root, path);

    private sealed class RecordedFile(RecordingDisk owner, IDiskFile file, string path) : IDiskFile
    {
        public void Write(ReadOnlySpan<byte> bytes)
        {
            file.Write(bytes);
            owner.operations.Add(new DiskOperation.Write(path, bytes.ToArray()));
        }

        public void Sync() => owner.operations.Add(new DiskOperation.SyncFile(path));

        public void Dispose() => file.Dispose();
    }
}
