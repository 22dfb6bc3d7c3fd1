namespace Diffusion.Benchmarks;

/// <summary>
/// Measures, fifty times a second, how much the memory of this process has grown, and how many bytes a folder contains.
/// </summary>
internal sealed class PeakUse : IDisposable
{
    private readonly string folder;
    private readonly long before;
    private readonly Timer timer;
    private long memory;
    private long disk;

    public PeakUse(string folder)
    {
        this.folder = folder;
        GC.Collect();
        before = Environment.WorkingSet;
        timer = new Timer(_ => Look(), null, TimeSpan.Zero, TimeSpan.FromMilliseconds(20));
    }

    /// <summary>The peak memory in bytes.</summary>
    public long Memory => Interlocked.Read(ref memory);

    /// <summary>The maximum size of the folder's files in bytes, holes included.</summary>
    public long Disk => Interlocked.Read(ref disk);

    public void Dispose() => timer.Dispose();

    private void Look()
    {
        Raise(ref memory, Environment.WorkingSet - before);
        try
        {
            Raise(ref disk, new DirectoryInfo(folder).EnumerateFiles("*", SearchOption.AllDirectories).Sum(file => file.Length));
        }
        catch (IOException)
        {
            // A file was deleted between listing and reading.
        }
    }

    private static void Raise(ref long max, long value)
    {
        long seen = Interlocked.Read(ref max);
        while (value > seen)
        {
            seen = Interlocked.CompareExchange(ref max, value, seen) is long was && was == seen ? value : Interlocked.Read(ref max);
        }
    }
}
