using System.Diagnostics;
using System.Globalization;

namespace Diffusion.Training;

/// <summary>
/// Watches over a group: a thread that sends and awaits heartbeats, knows the deadline of every operation, and makes sure that all
/// processes call the same operations. At the first failure it calls <c>onFailure</c> with the reason, once.
/// </summary>
/// <remarks>Every process has one connection to rank 0, which decides what went wrong and tells all others.</remarks>
internal sealed class GroupWatch : IDisposable
{
    private const int BeatMilliseconds = 500;
    private const int VerdictMilliseconds = 1000;
    private const int StallMilliseconds = 2000;

    private readonly Lock gate = new();
    private readonly RankRegistry? registry;
    private readonly ControlConnection?[] connections;
    private readonly ProcessPlace place;
    private readonly TimeSpan maxSilence;
    private readonly Action<string> onFailure;
    private readonly Dictionary<long, (CollectiveCall Call, long Step, long Until)> running = [];
    private readonly ManualResetEventSlim ended = new();
    private readonly Thread thread;
    private long operations;
    private long step;
    private long heardRankZero;
    private (long Operations, long Step) rankZero;
    private string? suspicion;
    private long verdictBy;
    private string? verdict;
    private bool isClosed;
    private volatile bool stops;

    /// <summary>Starts to watch.</summary>
    /// <param name="place">The place of this process.</param>
    /// <param name="connections">By rank, from <see cref="Rendezvous"/>: on rank 0 all others, elsewhere rank 0.</param>
    /// <param name="maxSilence">How long a process may be silent.</param>
    /// <param name="onFailure">Called once, on the watching thread, with the reason.</param>
    public GroupWatch(ProcessPlace place, ControlConnection?[] connections, TimeSpan maxSilence, Action<string> onFailure)
    {
        this.place = place;
        this.connections = connections;
        this.maxSilence = maxSilence;
        this.onFailure = onFailure;
        registry = place.Rank == 0 ? new RankRegistry(place.WorldSize, maxSilence) : null;
        thread = new Thread(Run) { IsBackground = true, Name = "process group watch" };
        thread.Start();
    }

    /// <summary>The step of this process.</summary>
    public long Step
    {
        get => Volatile.Read(ref step);
        set => Volatile.Write(ref step, value);
    }

    /// <summary>An operation starts.</summary>
    /// <returns>Its number, from 0.</returns>
    public long Start(CollectiveCall call, TimeSpan limit)
    {
        lock (gate)
        {
            long number = operations++;
            running[number] = (call, step, Environment.TickCount64 + (long)limit.TotalMilliseconds);
            if (registry?.Started(0, number, step, call) is { } problem)
            {
                Suspect(problem, isFinal: true);
            }

            connections[0]?.Send(ControlMessage.Start(number, step, call));
            return number;
        }
    }

    /// <summary>An operation has finished.</summary>
    public void Finish(long number)
    {
        lock (gate)
        {
            running.Remove(number);
        }
    }

    /// <summary>This process cannot continue. Rank 0 may know the deeper cause, and is asked first.</summary>
    public void Fail(string reason)
    {
        lock (gate)
        {
            Suspect($"Rank {place.Rank} at step {step}: {reason}", isFinal: registry is not null);
        }
    }

    /// <summary>
    /// Leaves in good order: waits until every process does, as long as their heartbeats come. One may work for long after the others.
    /// </summary>
    /// <returns>False if the group has failed.</returns>
    public bool Leave()
    {
        lock (gate)
        {
            if (registry?.Left(0) is { } problem)
            {
                Suspect(problem, isFinal: true);
            }

            connections[0]?.Send(ControlMessage.Beat(ControlMessage.Kind.Leave, operations, step));
        }

        ended.Wait();
        return isClosed;
    }

    /// <summary>What this process waits in, for its error message.</summary>
    public string Describe()
    {
        lock (gate)
        {
            string at = string.Create(CultureInfo.InvariantCulture, $"rank {place.Rank} of {place.WorldSize}, step {step}");
            if (running.Count == 0)
            {
                return at;
            }

            long first = running.Keys.Min();
            return string.Create(CultureInfo.InvariantCulture, $"{at}, in {running[first].Call} (operation {first})");
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        ended.Wait(TimeSpan.FromMilliseconds(StallMilliseconds)); // a failure is still told
        stops = true;
        thread.Join();
        if (registry is not null && isClosed)
        {
            Array.ForEach(connections, connection => connection?.Close(TimeSpan.FromMilliseconds(StallMilliseconds)));
        }

        Array.ForEach(connections, connection => connection?.Dispose());
        ended.Dispose();
    }

    private void Run()
    {
        long now = Environment.TickCount64;
        long nextBeat = now;
        lock (gate)
        {
            heardRankZero = now;
            registry?.ForgiveSilence(now);
        }

        while (true)
        {
            List<(int Rank, ControlMessage? Message)> news =
                ControlConnection.Listen(connections, TimeSpan.FromMilliseconds(BeatMilliseconds / 5));
            lock (gate)
            {
                long before = now;
                now = Environment.TickCount64;
                if (now - before > StallMilliseconds)
                {
                    heardRankZero = now;
                    registry?.ForgiveSilence(now);
                }

                news.ForEach(one => Take(one.Rank, one.Message, now));
                if (now >= nextBeat)
                {
                    nextBeat = now + BeatMilliseconds;
                    Tell(ControlMessage.Beat(ControlMessage.Kind.Beat, operations, step));
                }

                LookForTrouble(now);
                if (registry is { AllLeft: true } && verdict is null)
                {
                    Tell(ControlMessage.Beat(ControlMessage.Kind.Closed, operations, step));
                    isClosed = true;
                }
            }

            if (isClosed || verdict is not null || stops)
            {
                break;
            }
        }

        if (!isClosed && verdict is { } reason)
        {
            Tell(ControlMessage.Of(ControlMessage.Kind.Failure, reason));
            onFailure(reason);
        }

        ended.Set();
    }

    private void Take(int rank, ControlMessage? message, long now)
    {
        heardRankZero = now;
        registry?.Heard(rank, now);
        switch (message)
        {
            case null:
                connections[rank]?.Dispose();
                connections[rank] = null;
                Suspect(
                    registry is null ? RankRegistry.Ended(0, rankZero.Step, rankZero.Operations) : registry.Lost(rank), isFinal: true);
                break;
            case { Type: ControlMessage.Kind.Failure } failure:
                Suspect(failure.Text, isFinal: true);
                break;
            case { Type: ControlMessage.Kind.Closed }:
                isClosed = true;
                break;
            case { Type: ControlMessage.Kind.Beat } beat:
                rankZero = beat.ReadBeat();
                registry?.At(rank, rankZero.Step);
                break;
            case { Type: ControlMessage.Kind.Start } start when registry is not null:
                (long number, long at, CollectiveCall call) = start.ReadStart();
                Suspect(registry.Started(rank, number, at, call), isFinal: true);
                break;
            case { Type: ControlMessage.Kind.Late } late when registry is not null:
                (long lateNumber, long lateStep) = late.ReadBeat();
                Suspect(registry.Late(rank, lateNumber, lateStep), isFinal: true);
                break;
            case { Type: ControlMessage.Kind.Leave } when registry is not null:
                Suspect(registry.Left(rank), isFinal: true);
                break;
            default:
                throw new UnreachableException();
        }
    }

    private void LookForTrouble(long now)
    {
        Suspect(registry?.Silent(now), isFinal: true);
        if (registry is null && now - heardRankZero > maxSilence.TotalMilliseconds)
        {
            Suspect(RankRegistry.Silence(0, now - heardRankZero, rankZero.Step, rankZero.Operations), isFinal: true);
        }

        foreach ((long number, (CollectiveCall call, long at, long until)) in running)
        {
            if (now <= until)
            {
                continue;
            }

            if (registry is not null)
            {
                Suspect(registry.Late(place.Rank, number, at), isFinal: true);
            }
            else if (suspicion is null)
            {
                Suspect(
                    $"{call} (operation {number}) did not finish before its deadline on rank {place.Rank} at step {at}.", isFinal: false,
                    ControlMessage.Beat(ControlMessage.Kind.Late, number, at));
            }
        }

        if (suspicion is not null && now > verdictBy)
        {
            verdict ??= suspicion;
        }
    }

    // Rank 0 decides at once; another rank tells it, and waits a moment for its answer.
    private void Suspect(string? reason, bool isFinal, ControlMessage? question = null)
    {
        if (reason is null || isClosed)
        {
            return;
        }

        if (isFinal)
        {
            verdict ??= reason;
        }
        else if (suspicion is null)
        {
            suspicion = reason;
            verdictBy = Environment.TickCount64 + VerdictMilliseconds;
            connections[0]?.Send(question ?? ControlMessage.Of(ControlMessage.Kind.Failure, reason));
        }
    }

    private void Tell(ControlMessage message) => Array.ForEach(connections, connection => connection?.Send(message));
}
