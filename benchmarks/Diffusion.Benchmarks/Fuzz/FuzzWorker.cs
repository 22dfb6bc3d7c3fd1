using System.Diagnostics;
using Diffusion.TestKit.Fuzzing;

namespace Diffusion.Benchmarks;

/// <summary>One thread that reads damaged files, taking numbers in turn with the others.</summary>
internal sealed class FuzzWorker(FuzzNumbers numbers, FuzzTarget target)
{
    /// <summary>The most processor time that an input may take.</summary>
    public static readonly TimeSpan MaxTime = TimeSpan.FromMilliseconds(50);

    private const int Repetitions = 5;
    private const int MaxRepetitions = 50; // After 30 calls the runtime compiles a method anew.

    private readonly Dictionary<string, long> kinds = [];
    private long current;
    private long done;

    /// <summary>How often each end came about; to be read when the thread has ended.</summary>
    public IReadOnlyDictionary<string, long> Kinds => kinds;

    /// <summary>The most memory that an input took, and its number.</summary>
    public (long Bytes, long Number) Max { get; private set; }

    /// <summary>The most processor time that an input took, to be made and read, and its number.</summary>
    public (TimeSpan Time, long Number) Slowest { get; private set; }

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
                long begin = Stopwatch.GetTimestamp();
                FuzzResult result = target.Run(numbers.Seed, number);
                TimeSpan time = Stopwatch.GetElapsedTime(begin);
                Volatile.Write(ref done, done + 1);
                kinds[result.Kind] = kinds.GetValueOrDefault(result.Kind) + 1;
                if (result.Allocated > Max.Bytes)
                {
                    Max = (result.Allocated, number);
                }

                if (time > Slowest.Time && ProcessorTime(number) is var least && least > Slowest.Time)
                {
                    Slowest = (least, number);
                }

                string? problem = Slowest.Time > MaxTime
                    ? $"It took {Slowest.Time.TotalMilliseconds:F0} ms, more than {MaxTime.TotalMilliseconds:F0}."
                    : null;
                if ((result.Failure ?? problem) is { } failure)
                {
                    Failure = (number, failure);
                    numbers.Stop();
                    return;
                }
            }
        }
    }

    // An input that seems slow is read again, so that what counts is the input, not what else the machine and the runtime did.
    private TimeSpan ProcessorTime(long number)
    {
        TimeSpan least = TimeSpan.MaxValue;
        for (int i = 0; i < Repetitions || (i < MaxRepetitions && least > MaxTime); i++)
        {
            TimeSpan begin = ThreadClock.Elapsed;
            target.Run(numbers.Seed, number);
            TimeSpan time = ThreadClock.Elapsed - begin;
            least = time < least ? time : least;
        }

        return least;
    }
}
