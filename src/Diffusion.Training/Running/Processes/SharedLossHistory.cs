namespace Diffusion.Training;

/// <summary>
/// What the objective remembers of the images of a step (<see cref="SecondMomentTimes"/>), in several processes: each notes it for its own
/// images, and after the step all remember the notes of all in the order of the images, as one process does.
/// </summary>
internal sealed class SharedLossHistory
{
    private readonly RankExchange exchange;
    private readonly SecondMomentTimes times;
    private readonly ObjectiveState state;

    private SharedLossHistory(RankExchange exchange, SecondMomentTimes times, ObjectiveState state)
    {
        (this.exchange, this.times, this.state) = (exchange, times, state);
        state.Notes = [];
    }

    /// <summary>The loss history of an objective; null if it remembers nothing.</summary>
    /// <param name="exchange">The processes.</param>
    /// <param name="objective">The objective.</param>
    /// <param name="state">Its state in this process.</param>
    public static SharedLossHistory? Of(RankExchange exchange, IObjective objective, ObjectiveState? state) =>
        objective is Objective { Times: SecondMomentTimes times } && state is not null
            ? new SharedLossHistory(exchange, times, state)
            : null;

    /// <summary>Forgets the notes of a step that an error interrupted.</summary>
    public void Begin() => state.Notes!.Clear();

    /// <summary>Remembers a step. All processes call it.</summary>
    /// <param name="share">The images of each process in the step.</param>
    public void End(int share)
    {
        // Images that could not be read have no note; a loss that is not a number is not remembered.
        int length = share * SecondMomentTimes.NumbersPerImage;
        List<double> notes = state.Notes!;
        double[] own = [.. notes, .. Enumerable.Repeat(double.NaN, length - notes.Count)];
        times.Remember(state, exchange.Gather(own).SelectMany(one => one)); // ranks are in the order of their images
    }
}
