using System.Globalization;

namespace Diffusion.Training;

/// <summary>What rank 0 knows about every process: heartbeats, and which operations it has started. Finds the first contradiction.
/// </summary>
internal sealed class RankRegistry(int worldSize, TimeSpan maxSilence)
{
    private readonly long[] heard = new long[worldSize];
    private readonly long[] operations = new long[worldSize];
    private readonly long[] steps = new long[worldSize];
    private readonly bool[] left = new bool[worldSize];
    private readonly bool[] isLost = new bool[worldSize];
    private readonly Dictionary<long, (int Rank, long Step, CollectiveCall Call, int Count)> started = [];

    /// <summary>Whether every process has left in good order.</summary>
    public bool AllLeft => Array.TrueForAll(left, hasLeft => hasLeft);

    /// <summary>A process is alive.</summary>
    public void Heard(int rank, long now) => heard[rank] = now;

    /// <summary>The step of a process.</summary>
    public void At(int rank, long step) => steps[rank] = step;

    /// <summary>This process itself did not run for a while: whoever was silent meanwhile gets another chance.</summary>
    public void ForgiveSilence(long now) => Array.Fill(heard, now);

    /// <summary>A process starts an operation.</summary>
    /// <returns>What is wrong; null if nothing.</returns>
    public string? Started(int rank, long number, long step, CollectiveCall call)
    {
        operations[rank] = number + 1;
        steps[rank] = step;
        (int Rank, long Step, CollectiveCall Call, int Count) first = started.GetValueOrDefault(number, (rank, step, call, 0));
        if (first.Call != call)
        {
            return string.Create(
                CultureInfo.InvariantCulture,
                $"Operation {number} is {first.Call} on rank {first.Rank} at step {first.Step}, but {call} on rank {rank} at step {step}. ")
                + "Every process must call the same operations in the same order.";
        }

        if (first.Count + 1 == worldSize)
        {
            started.Remove(number);
            return null;
        }

        started[number] = first with { Count = first.Count + 1 };
        return WaitsForLeft();
    }

    /// <summary>A process leaves.</summary>
    /// <returns>What is wrong; null if nothing.</returns>
    public string? Left(int rank)
    {
        left[rank] = true;
        return WaitsForLeft();
    }

    /// <summary>The connection of a process was lost. Of one that has left in good order, nothing is expected any more.</summary>
    /// <returns>What is wrong; null if nothing.</returns>
    public string? Lost(int rank)
    {
        isLost[rank] = true;
        return left[rank] ? null : Ended(rank, steps[rank], operations[rank]);
    }

    /// <summary>A process that has been silent for too long.</summary>
    /// <returns>What is wrong; null if nothing.</returns>
    public string? Silent(long now)
    {
        int rank = Enumerable.Range(1, worldSize - 1)
            .FirstOrDefault(other => !isLost[other] && now - heard[other] > maxSilence.TotalMilliseconds, -1);
        return rank < 0 ? null : Silence(rank, now - heard[rank], steps[rank], operations[rank]);
    }

    /// <summary>The error message about a process that has ended.</summary>
    public static string Ended(int rank, long step, long operations) =>
        $"The process of rank {rank} ended. It was last heard of{Where(step, operations)}.";

    /// <summary>The error message about a process that has been silent for some milliseconds.</summary>
    public static string Silence(int rank, long milliseconds, long step, long operations) => string.Create(
        CultureInfo.InvariantCulture,
        $"Rank {rank} has sent no heartbeat for {milliseconds / 1000.0:F1} s. It was last heard of{Where(step, operations)}: ")
        + "its process is frozen, or its machine or network is down.";

    /// <summary>An operation did not finish before its deadline.</summary>
    /// <returns>What is wrong.</returns>
    public string Late(int rank, long number, long step)
    {
        string call = started.TryGetValue(number, out (int Rank, long Step, CollectiveCall Call, int Count) first)
            ? $"{first.Call} (operation {number})"
            : $"Operation {number}";
        return $"{call} did not finish before its deadline on rank {rank} at step {step}. {Behind(number)}";
    }

    private string Behind(long number)
    {
        IEnumerable<int> ranks = Enumerable.Range(0, worldSize).Where(rank => operations[rank] <= number);
        string[] behind = [.. ranks.Select(rank => $"rank {rank}{Where(rank)}")];
        return behind.Length == 0
            ? "Every rank has started it: the network or the engine hangs."
            : $"Not started by {string.Join(", ", behind)}.";
    }

    private string? WaitsForLeft()
    {
        foreach ((long number, (int rank, long step, CollectiveCall call, _)) in started)
        {
            int gone = Enumerable.Range(0, worldSize).FirstOrDefault(other => left[other] && operations[other] <= number, -1);
            if (gone >= 0)
            {
                return $"Rank {gone} left the group{Where(gone)}, but rank {rank} waits for it in {call} (operation {number}) at step "
                    + $"{step}.";
            }
        }

        return null;
    }

    private string Where(int rank) => Where(steps[rank], operations[rank]);

    private static string Where(long step, long operations) =>
        string.Create(CultureInfo.InvariantCulture, $" at step {step} after {operations} operations");
}
