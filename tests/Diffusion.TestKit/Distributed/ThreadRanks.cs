using System.Runtime.ExceptionServices;
using Diffusion.Training;

namespace Diffusion.TestKit;

/// <summary>Runs the ranks of a process group as threads of this process.</summary>
public static class ThreadRanks
{
    /// <summary>Runs <paramref name="body"/> once for each rank, and waits for all.</summary>
    /// <param name="worldSize">How many ranks.</param>
    /// <param name="body">What a rank does with its group, which is disposed afterwards.</param>
    /// <param name="deadline">How long an operation may take; null for 60 seconds.</param>
    /// <exception cref="Exception">The exception of the first rank that failed. The others end with a
    /// <see cref="DistributedException"/> that names it.</exception>
    public static void Run(int worldSize, Action<IProcessGroup> body, TimeSpan? deadline = null)
    {
        Exception? first = RunAll(worldSize, body, deadline).First;
        if (first is not null)
        {
            ExceptionDispatchInfo.Throw(first);
        }
    }

    /// <summary>The same, but returns how each rank ended: its exception, or null.</summary>
    public static (Exception? First, Exception?[] Each) RunAll(int worldSize, Action<IProcessGroup> body, TimeSpan? deadline = null)
    {
        ThreadExchange exchange = new(worldSize, deadline ?? TimeSpan.FromSeconds(60));
        Exception?[] errors = new Exception?[worldSize];
        Exception? first = null;
        Thread[] threads = [.. Enumerable.Range(0, worldSize).Select(rank => new Thread(() => RunOne(rank)) { IsBackground = true })];
        Array.ForEach(threads, thread => thread.Start());
        Array.ForEach(threads, thread => thread.Join());
        return (first, errors);

        void RunOne(int rank)
        {
            using ThreadProcessGroup group = new(exchange, rank);
            try
            {
                body(group);
            }
            catch (Exception error)
            {
                // Before the group is disposed, which the others would take for its end.
                errors[rank] = error;
                Interlocked.CompareExchange(ref first, error, null);
                exchange.Abort($"Rank {rank} ended with {error.GetType().Name}: {error.Message}");
            }
        }
    }
}
