namespace Diffusion.Benchmarks;

/// <summary>
/// Watches how much memory this process takes more than at the beginning, and how many bytes a folder holds, fifty times a second.
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

    /// <summary>The most memory, in bytes.</summary>
    public long Memory => Interlocked.Read(ref memory);

    /// <summary>The most bytes of the folder's files, holes included.</summary>
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
            // A file went between two looks.
        }
    }

    private static void Raise(ref long most, long value)
    {
        long seen = Interlocked.Read(ref most);
        while (value > seen)
        {
            seen = Interlocked.CompareExchange(ref most, value, seen) is long was && was == seen ? value : Interlocked.Read(ref most);
        }
    }
}
