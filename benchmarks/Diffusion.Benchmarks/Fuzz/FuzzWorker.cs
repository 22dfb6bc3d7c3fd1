using System.Diagnostics;
using Diffusion.TestKit.Fuzzing;

namespace Diffusion.Benchmarks;

/// <summary>One thread that reads damaged files. All threads share one sequence of numbers.</summary>
internal sealed class FuzzWorker(FuzzNumbers numbers, FuzzTarget target)
{
    /// <summary>The maximum processor time of one input.</summary>
    public static readonly TimeSpan MaxTime = TimeSpan.FromMilliseconds(50);

    private const int Repetitions = 5;
    private const int MaxRepetitions = 50; // After 30 calls the runtime recompiles a method.

    private readonly Dictionary<string, long> kinds = [];
    private long current;
    private long done;

    /// <summary>How often each result occurred. Read it after the thread has ended.</summary>
    public IReadOnlyDictionary<string, long> Kinds => kinds;

    /// <summary>The maximum memory of one input, and the number of that input.</summary>
    public (long Bytes, long Number) Max { get; private set; }

    /// <summary>The maximum processor time to generate and read one input, and the number of that input.</summary>
    public (TimeSpan Time, long Number) Slowest { get; private set; }

    /// <summary>The first input that failed on this thread, and how.</summary>
    public (long Number, string Problem)? Failure { get; private set; }

    /// <summary>The number of the current input.</summary>
    public long Current => Volatile.Read(ref current);

    /// <summary>The number of finished inputs.</summary>
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

    // A slow input is read again, so that the time is that of the input and not of other work of the machine or the runtime.
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
