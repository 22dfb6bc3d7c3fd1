using System.Diagnostics;
using System.Security.Cryptography;
using Diffusion.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Benchmarks;

/// <summary>Measures all kinds of work in turn, so that changes in disk speed affect all of a round alike.</summary>
internal sealed class SavingCosts : IDisposable
{
    private const int PieceBytes = 1 << 22;

    private readonly LargeState state;
    private readonly string folder;
    private readonly CheckpointStore store;
    private readonly BackgroundSaver saver;
    private readonly List<Tensor> copies;
    private readonly byte[] piece = new byte[PieceBytes];
    private long step;

    public SavingCosts(LargeState state, string folder)
    {
        this.state = state;
        this.folder = folder;
        store = new CheckpointStore(Path.Combine(folder, "checkpoints"), new CheckpointRetention { Last = 1 });
        saver = new BackgroundSaver(store);

        // The first save allocates the copy that later saves reuse. Garbage is collected first, so that its memory is visible.
        long before = ProcessMemory.Now();
        ProcessMemory.ForgetPeak();
        saver.Begin(state.At(++step));
        saver.Finish();
        ExtraMemory = (double)(ProcessMemory.Peak() - before) / state.Bytes;
        copies = [.. state.Tensors.Select(tensor => tensor.clone().DetachFromDisposeScope())];
    }

    /// <summary>The peak memory of a background save, in sizes of the state.</summary>
    public double ExtraMemory { get; }

    /// <summary>One round.</summary>
    public SavingTimes Measure()
    {
        string plain = Path.Combine(folder, "plain");
        string written = Path.Combine(folder, "written");
        double plainWrite = Seconds(() => WritePlainly(plain));
        double plainRead = Seconds(() => ReadPlainly(plain));
        File.Delete(plain);

        double write = Seconds(() => new CheckpointWriter(new LocalDisk()).Write(state.At(step), written));
        Directory.Delete(written, recursive: true);
        double save = Seconds(() => store.Save(state.At(++step)));
        double load = Seconds(() => store.LoadLatest(_ => { }));

        double plainCopy = Seconds(CopyPlainly);
        double pause = Seconds(() => saver.Begin(state.At(++step)));
        saver.Finish();
        return new SavingTimes(plainWrite, write, save, plainRead, load, plainCopy, pause);
    }

    public void Dispose()
    {
        saver.Dispose();
        store.Dispose();
        copies.ForEach(copy => copy.Dispose());
    }

    private static double Seconds(Action work)
    {
        long begin = Stopwatch.GetTimestamp();
        work();
        return Stopwatch.GetElapsedTime(begin).TotalSeconds;
    }

    private void WritePlainly(string path)
    {
        LocalDisk disk = new();
        using IDiskFile file = disk.CreateFile(path, state.Bytes);
        foreach (Tensor tensor in state.Tensors)
        {
            file.Write(tensor.bytes);
        }

        file.Sync();
        disk.SyncFolder(folder);
    }

    private void ReadPlainly(string path)
    {
        using FileStream file = new(path, new FileStreamOptions { BufferSize = 0 });
        using IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        int read;
        while ((read = file.Read(piece)) > 0)
        {
            hash.AppendData(piece, 0, read);
        }

        hash.GetHashAndReset();
    }

    private void CopyPlainly()
    {
        for (int i = 0; i < copies.Count; i++)
        {
            state.Tensors[i].bytes.CopyTo(copies[i].bytes);
        }
    }
}
