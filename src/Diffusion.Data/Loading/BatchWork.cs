namespace Diffusion.Data;

/// <summary>A batch that is being filled, is filled, or has failed.</summary>
internal sealed class BatchWork(BatchBuffer buffer)
{
    /// <summary>The buffer with the images.</summary>
    public BatchBuffer Buffer { get; } = buffer;

    /// <summary>The images that could not be read.</summary>
    public List<BadImage> Bad { get; } = [];

    /// <summary>The number of the batch.</summary>
    public long Number { get; private set; }

    /// <summary>The number of images.</summary>
    public int Images { get; set; }

    /// <summary>Why the batch failed; null when it has not.</summary>
    public Exception? Error { get; set; }

    /// <summary>Starts another batch.</summary>
    public void Begin(long number)
    {
        Number = number;
        Images = 0;
        Error = null;
        Bad.Clear();
    }
}
