namespace Diffusion.Data;

/// <summary>One batch on its way: to be filled, filled, or failed.</summary>
internal sealed class BatchWork(BatchBuffer buffer)
{
    /// <summary>Where its images are.</summary>
    public BatchBuffer Buffer { get; } = buffer;

    /// <summary>Images that could not be read.</summary>
    public List<BadImage> Bad { get; } = [];

    /// <summary>The number of the batch.</summary>
    public long Number { get; private set; }

    /// <summary>How many images it has.</summary>
    public int Images { get; set; }

    /// <summary>Why it has none.</summary>
    public Exception? Error { get; set; }

    /// <summary>Becomes another batch.</summary>
    public void Begin(long number)
    {
        Number = number;
        Images = 0;
        Error = null;
        Bad.Clear();
    }
}
