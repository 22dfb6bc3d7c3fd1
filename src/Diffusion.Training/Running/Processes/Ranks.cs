using Diffusion.Data;
using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Training;

/// <summary>
/// The processes of a run, as one of them sees them: what they compute together and on what they agree. All of them call the same methods
/// in the same order.
/// </summary>
internal sealed class Ranks : IDisposable
{
    private readonly RunProcesses processes;
    private readonly TrainerSetup setup;
    private readonly TrainingState state;
    private readonly RankExchange exchange;
    private readonly GradientReducer reducer;
    private readonly SharedLossHistory? history;

    /// <param name="processes">The processes.</param>
    /// <param name="setup">The run.</param>
    /// <param name="state">The state of this process.</param>
    public Ranks(RunProcesses processes, TrainerSetup setup, TrainingState state)
    {
        (this.processes, this.setup, this.state) = (processes, setup, state);
        long bucketBytes = (long)(processes.Options.BucketMebibytes * (1 << 20));
        reducer = new GradientReducer(processes.Group, state.Parameters, setup.Model.Network, bucketBytes);
        exchange = reducer.Exchange;
        history = SharedLossHistory.Of(exchange, setup.Objective, state.Objective);
    }

    /// <summary>Exchanges numbers between the processes.</summary>
    public RankExchange Exchange => exchange;

    /// <summary>Why all processes stop before the next step; null if they continue.</summary>
    public StopReason? Stop { get; private set; }

    /// <summary>Whether the others wait for rank 0 after this step.</summary>
    public bool FirstPauses { get; private set; }

    /// <summary>The number of images that could not be read so far, over all processes.</summary>
    public long BadImages { get; private set; }

    /// <summary>Checks that all processes have the same run, parameters and versions.</summary>
    /// <exception cref="DistributedException">Two processes differ.</exception>
    public void CheckStart()
    {
        WaitForFirst();
        StartCheck.Compare(exchange, state, setup.Samples);
        state.Shards?.Agree();
    }

    /// <summary>
    /// Gives all processes the state of rank 0: the checkpoint that it has restored, which the others read, or its initial weights.
    /// </summary>
    /// <param name="checkpoint">The checkpoint that rank 0 has restored; null if there is none. Only rank 0 passes it.</param>
    /// <exception cref="DistributedException">The states differ nevertheless.</exception>
    /// <exception cref="CheckpointException">This process cannot read the checkpoint.</exception>
    public void ShareState(string? checkpoint)
    {
        WaitForFirst();
        CheckpointName? name = checkpoint is null ? null : CheckpointName.TryParse(Path.GetFileName(checkpoint));
        long[] chosen = exchange.Gather([name is null ? 0 : 1, name?.Step ?? 0, name?.Save ?? 0])[0];
        if (chosen[0] == 0)
        {
            using (IPendingOperation sending = processes.Group.Broadcast(state.Parameters.Values))
            {
                sending.Wait();
            }

            state.BeginFromValues();
        }
        else if (!processes.IsFirst)
        {
            Read(new CheckpointName(chosen[1], (int)chosen[2]));
        }

        WaitForFirst();
        CheckState(resumed: chosen[0] != 0);
    }

    /// <summary>Agrees before the first step whether to stop.</summary>
    /// <param name="note">What this process tells the others.</param>
    public void Begin(StepNote note) => Agree(note, ownLoss: null, images: 0);

    /// <summary>
    /// Computes the gradients of one step on all processes: those of the mean loss over all of its images that could be read.
    /// </summary>
    /// <param name="loader">Provides the micro-batches of this process.</param>
    /// <param name="ahead">Has the noise of these micro-batches; null to draw it in the pass.</param>
    /// <param name="pass">The forward and backward pass.</param>
    /// <param name="beforeFirst">Called with the first micro-batch before its pass; null for nothing.</param>
    /// <param name="note">Returns what this process tells the others. Called after the last micro-batch.</param>
    /// <returns>The mean loss, a scalar that the caller disposes; null if no image could be read.</returns>
    /// <exception cref="DistributedException">A process was lost, or the processes are no longer in the same state.</exception>
    public Tensor? Accumulate(
        BatchLoader loader, NoiseAhead? ahead, TrainingPass pass, Action<ImageBatch, Conditioning>? beforeFirst, Func<StepNote> note)
    {
        processes.Group.Step = state.Step + 1;
        Device device = state.Parameters.Values.device;
        int batchSize = setup.Options.BatchSize;
        int share = batchSize / exchange.WorldSize;
        using DisposeScope scope = NewDisposeScope();
        history?.Begin();

        // A canceled process completes the step, because the others wait for its gradients.
        (Tensor own, int ownImages) = pass.AccumulateShare(loader, ahead, device, batchSize, share, setup.MicroBatchSize,
            beforeFirst, reducer, CancellationToken.None);
        reducer.Finish();
        history?.End(share);
        (double loss, long images) = Agree(note(), own, ownImages);
        if (images == 0)
        {
            return null;
        }

        if (images < batchSize)
        {
            using IDisposable noGradients = no_grad();
            state.Parameters.Gradients.MultiplyBy((double)batchSize / images);
        }

        return tensor((float)(loss * batchSize / images)).SendTo(device).MoveToOuterDisposeScope();
    }

    /// <summary>
    /// Sends what a step sends and waits for it, without computing anything: the gradients and, where each process updates a part of the
    /// parameters, those.
    /// </summary>
    public void Send()
    {
        reducer.Finish();
        state.Shards?.Update();
    }

    /// <summary>Checks at regular intervals that all processes have the same weights.</summary>
    /// <exception cref="DistributedException">They do not. The message names the step and the ranks.</exception>
    public void CheckWeights()
    {
        if (processes.Options.CheckEverySteps is not { } steps || state.Step % steps != 0)
        {
            return;
        }

        long[] sums = [.. exchange.Gather([FlatChecksum.Of(state.Parameters.Values)]).Select(own => own[0])];
        if (OddOnes(sums) is { Count: > 0 } odd)
        {
            throw new DistributedException(
                $"The weights after step {state.Step} are different on {Names(odd)} than on the other processes. The memory, the "
                + "processor or the software of that machine computes differently. Check it, and resume from the last checkpoint.");
        }
    }

    /// <summary>Adds a tensor of numbers over all processes, in place.</summary>
    public void Sum(Tensor numbers)
    {
        using IDisposable noGradients = no_grad();
        using DisposeScope scope = NewDisposeScope();
        double[] all = exchange.Sum(numbers.ToHost().to(ScalarType.Float64).flatten().data<double>().ToArray());
        numbers.copy_(tensor(all).view(numbers.shape));
    }

    /// <summary>Returns a number that rank 0 has chosen.</summary>
    /// <param name="own">The number of this process, used if it is rank 0.</param>
    public long OfFirst(long own) => exchange.Gather([own])[0][0];

    /// <summary>Waits until every process has called this method, longer than for an operation of a step.</summary>
    public void WaitForFirst() => processes.Group.Barrier(processes.Options.PauseDeadline);

    /// <summary>
    /// Waits until rank 0 has ended what it does alone. If the processes hold parts of the state, they send it those that it asks for.
    /// </summary>
    public void ServeFirst()
    {
        if (state.Shards is { } shards)
        {
            shards.Serve();
        }
        else
        {
            WaitForFirst();
        }
    }

    /// <summary>Frees the buckets and the hooks of the network.</summary>
    public void Dispose() => reducer.Dispose();

    // The processes that differ from the majority, or from rank 0 if there is none.
    private static IReadOnlyList<int> OddOnes(long[] values)
    {
        long usual = values.GroupBy(value => value).MaxBy(same => same.Count())!.Key;
        return [.. Enumerable.Range(0, values.Length).Where(rank => values[rank] != usual)];
    }

    private static string Names(IReadOnlyList<int> ranks) => $"rank{(ranks.Count == 1 ? string.Empty : "s")} {string.Join(", ", ranks)}";

    private (double Loss, long Images) Agree(StepNote note, Tensor? ownLoss, int images)
    {
        float[] measured = Measured(ownLoss);
        double[] own =
        [
            state.Step, note.LearningRate, measured[0], (double?)note.Stop ?? -1, note.BadImages, note.Pauses ? 1 : 0, measured[1], images,
        ];
        IReadOnlyList<double[]> all = exchange.Gather(own);
        CheckAgreement(all);
        StopReason?[] stops = [.. all.Select(one => one[3] < 0 ? null : (StopReason?)one[3])];
        Stop = stops.Contains(StopReason.Canceled) ? StopReason.Canceled : stops.FirstOrDefault(stop => stop is not null);
        BadImages = (long)all.Sum(one => one[4]);
        FirstPauses = all[0][5] != 0;
        return (all.Sum(one => one[6]), (long)all.Sum(one => one[7]));
    }

    // The gradient norm of the step before, and the loss of this one or 0: the device is read once for both.
    private float[] Measured(Tensor? ownLoss)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor norm = state.Update.GradientNorm;
        return stack([norm, ownLoss ?? zeros_like(norm)]).ToHost().data<float>().ToArray();
    }

    // The gradient norm of the step before decides on clipping and skipping.
    private void CheckAgreement(IReadOnlyList<double[]> all)
    {
        (string What, int Place)[] same = [("step", 0), ("learning rate", 1), ("gradient norm of the last step", 2)];
        foreach ((string what, int place) in same)
        {
            if (OddOnes([.. all.Select(one => BitConverter.DoubleToInt64Bits(one[place]))]) is { Count: > 0 } odd)
            {
                throw new DistributedException(
                    $"The processes disagree in step {state.Step + 1}: the {what} is "
                    + $"{string.Join(", ", all.Select((one, rank) => FormattableString.Invariant($"{one[place]:R} on rank {rank}")))}. "
                    + $"Check the machine of {Names(odd)}, and resume all processes from the last checkpoint.");
            }
        }
    }

    private void Read(CheckpointName name)
    {
        string folder = Path.Combine(Path.GetFullPath(setup.Options.RunFolder!), CheckpointFiles.Folder, name.ToString());
        if (!Directory.Exists(folder))
        {
            throw new CheckpointException(
                $"Rank {exchange.Rank} cannot resume from '{folder}', which rank 0 has read: it does not exist here. Use a folder that all "
                + "machines share.");
        }

        using OpenCheckpoint open = CheckpointReader.Read(folder);
        state.Restore(open.Checkpoint, () => { });
    }

    // Before the first step, what an optimizer remembers may still come from the weights that were replaced.
    private void CheckState(bool resumed)
    {
        (string Name, Tensor Values)[] parts =
        [
            .. state.Tensors.Compared(resumed),
            .. state.Parameters.LossScale is { } scale ? [("loss scale", scale.Value)] : Array.Empty<(string, Tensor)>(),
        ];
        IReadOnlyList<long[]> all = exchange.Gather(
            [state.Step, state.ImagesSeen, state.Rollbacks, .. parts.Select(part => FlatChecksum.Of(part.Values))]);
        string[] names = ["step", "images seen", "rollbacks", .. parts.Select(part => part.Name)];
        for (int place = 0; place < names.Length; place++)
        {
            if (OddOnes([.. all.Select(one => one[place])]) is { Count: > 0 } odd)
            {
                throw new DistributedException(
                    $"The processes start differently: the {names[place]} of {Names(odd)} are not those of the other processes. Let all "
                    + "processes read the same run folder, or start over.");
            }
        }
    }
}
