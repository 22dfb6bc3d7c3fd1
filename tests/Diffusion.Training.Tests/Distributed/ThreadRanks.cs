using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Training.Tests.Distributed;

/// <summary>A process group whose ranks are threads of this process.</summary>
internal sealed class ThreadRanks(ThreadRanks.Board board, int rank) : IProcessGroup
{
    private int operations;

    public string Engine => "threads";

    public int Rank => rank;

    public int WorldSize => board.World;

    public int LocalRank => rank;

    public TimeSpan Deadline => TimeSpan.FromSeconds(60);

    public long Step { get; set; }

    /// <summary>Runs a function on every rank; a rank that fails aborts the group.</summary>
    public static (T? Result, Exception? Error)[] TryRun<T>(int world, Func<IProcessGroup, T> work)
    {
        Board board = new(world);
        (T? Result, Exception? Error)[] outcomes = new (T?, Exception?)[world];
        Thread[] threads = [.. Enumerable.Range(0, world).Select(rank => new Thread(() =>
        {
            using ThreadRanks group = new(board, rank);
            try
            {
                outcomes[rank] = (work(group), null);
            }
            catch (Exception error)
            {
                outcomes[rank] = (default, error);
            }
        }))];
        Array.ForEach(threads, thread => thread.Start());
        Array.ForEach(threads, thread => thread.Join());
        return outcomes;
    }

    /// <summary>Runs a function on every rank.</summary>
    public static T[] Run<T>(int world, Func<IProcessGroup, T> work)
    {
        (T? Result, Exception? Error)[] outcomes = TryRun(world, work);
        Exception[] errors = [.. outcomes.Select(outcome => outcome.Error).OfType<Exception>()];
        return errors.Length == 0 ? [.. outcomes.Select(outcome => outcome.Result!)] : throw new AggregateException(errors);
    }

    public IPendingOperation AllReduce(Tensor values, ReduceOperation operation = ReduceOperation.Sum) =>
        Start($"all-reduce {values.numel()}", values, values, all =>
        {
            Tensor sum = all[0].In.clone();
            foreach ((Tensor other, _) in all.Skip(1))
            {
                sum = operation switch
                {
                    ReduceOperation.Sum => sum + other,
                    ReduceOperation.Max => maximum(sum, other),
                    _ => minimum(sum, other),
                };
            }

            all.ForEach(one => one.Out.copy_(sum));
        });

    public IPendingOperation Broadcast(Tensor values, int root = 0) => Start($"broadcast {values.numel()}", values, values, all =>
    {
        using Tensor sent = all[root].In.clone();
        all.ForEach(one => one.Out.copy_(sent));
    });

    public IPendingOperation AllGather(Tensor result, Tensor own) => Start($"all-gather {own.numel()}", own, result, all =>
    {
        using Tensor joined = cat([.. all.Select(one => one.In.flatten())]);
        all.ForEach(one => one.Out.copy_(joined));
    });

    public IPendingOperation ReduceScatter(Tensor result, Tensor values, ReduceOperation operation = ReduceOperation.Sum) =>
        throw new NotSupportedException();

    public void Barrier(TimeSpan? deadline = null)
    {
        using Tensor none = zeros(1);
        Start("barrier", none, none, _ => { }).Wait();
    }

    public void Abort(string reason) => board.Abort(reason);

    public void Dispose()
    {
    }

    private Pending Start(string name, Tensor input, Tensor output, Action<List<(Tensor In, Tensor Out)>> compute) =>
        new(board, board.Arrive(operations++, name, rank, input, output, compute));

    /// <summary>What the ranks share.</summary>
    internal sealed class Board(int world)
    {
        private readonly Lock gate = new();
        private readonly Dictionary<int, (string Name, (Tensor In, Tensor Out)?[] Tensors, TaskCompletionSource Done)> open = [];
        private readonly TaskCompletionSource<string> aborted = new();

        public int World => world;

        public Task Arrive(int number, string name, int rank, Tensor input, Tensor output, Action<List<(Tensor, Tensor)>> compute)
        {
            lock (gate)
            {
                if (!open.TryGetValue(number, out var operation))
                {
                    open.Add(number, operation = (name, new (Tensor, Tensor)?[world], new TaskCompletionSource()));
                }

                if (operation.Name != name)
                {
                    Abort($"Operation {number} is {operation.Name} and {name}.");
                    throw new DistributedException($"Operation {number} is {operation.Name} and {name}.");
                }

                operation.Tensors[rank] = (input, output);
                if (operation.Tensors.All(one => one is not null))
                {
                    open.Remove(number);
                    using IDisposable noGradients = no_grad();
                    using DisposeScope scope = NewDisposeScope();
                    compute([.. operation.Tensors.Select(one => one!.Value)]);
                    operation.Done.SetResult();
                }

                return operation.Done.Task;
            }
        }

        public void Abort(string reason) => aborted.TrySetResult(reason);

        public void Await(Task done)
        {
            int first = Task.WaitAny([done, aborted.Task], TimeSpan.FromSeconds(60));
            if (first != 0 && !done.IsCompleted)
            {
                throw new DistributedException(first < 0 ? "deadline" : aborted.Task.Result);
            }
        }
    }

    private sealed class Pending(Board board, Task done) : IPendingOperation
    {
        public bool IsCompleted => done.IsCompleted;

        public void Wait() => board.Await(done);

        public void Dispose()
        {
        }
    }
}
