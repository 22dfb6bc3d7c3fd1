using System.Diagnostics;
using Diffusion.Training;

namespace Diffusion.Benchmarks;

/// <summary>The time of an operation between processes.</summary>
internal static class CollectiveTime
{
    private const int WarmUp = 5;
    private const int Repetitions = 20;
    private const int Samples = 5;

    /// <summary>The median seconds. As in a training step, the next operations are started before the first has ended.</summary>
    public static double Seconds(IProcessGroup group, Func<IPendingOperation> start)
    {
        Run(WarmUp);
        return Median.Of([.. Enumerable.Range(0, Samples).Select(_ => Run(Repetitions) / Repetitions)]);

        double Run(int count)
        {
            group.Barrier();
            long began = Stopwatch.GetTimestamp();
            IPendingOperation[] operations = [.. Enumerable.Range(0, count).Select(_ => start())];
            foreach (IPendingOperation operation in operations)
            {
                using (operation)
                {
                    operation.Wait();
                }
            }

            group.Barrier(); // waits for everything that was started before it
            return Stopwatch.GetElapsedTime(began).TotalSeconds;
        }
    }
}
