using Diffusion.TestKit.Fuzzing;

namespace Diffusion.Benchmarks;

/// <summary>One thread that reads damaged files, taking numbers in turn with the others.</summary>
internal sealed class FuzzWorker(FuzzNumbers numbers, FuzzTarget target)
{
    private readonly Dictionary<string, long> kinds = [];
    private long current;
    private long done;

    /// <summary>How often each end came about; to be read when the thread has ended.</summary>
    public IReadOnlyDictionary<string, long> Kinds => kinds;

    /// <summary>The most memory that an input took, and its number.</summary>
    public (long Bytes, long Number) Largest { get; private set; }

    /// <summary>The first input that went wrong here, and how.</summary>
    public (long Number, string Problem)? Failure { get; private set; }

    /// <summary>The number of the input in hand.</summary>
    public long Current => Volatile.Read(ref current);

    /// <summary>How many inputs are done.</summary>
    public long Done => Volatile.Read(ref done);

    /// <summary>Reads until there are no more numbers, or until something fails anywhere.</summary>
    public void Work()
    {
        while (numbers.TryTake(out long first, out long end))
        {
            for (long number = first; number < end; number++)
            {
                Volatile.Write(ref current, number);
                FuzzResult result = target.Run(numbers.Seed, number);
                Volatile.Write(ref done, done + 1);
                kinds[result.Kind] = kinds.GetValueOrDefault(result.Kind) + 1;
                if (result.Allocated > Largest.Bytes)
                {
                    Largest = (result.Allocated, number);
                }

                if (result.Failure is not null)
                {
                    Failure = (number, result.Failure);
                    numbers.Stop();
                    return;
                }
            }
        }
    }
}
