using TorchSharp;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace Diffusion.Training;

/// <summary>
/// Uniform times at first; once each part of them has a full history of losses, a part is drawn in proportion to the root of the mean of
/// their squares.
/// </summary>
internal sealed record SecondMomentTimes(int Parts, int History, double Uniform) : ITimeLaw
{
    /// <summary>The numbers of <see cref="ObjectiveState.Notes"/> for each image.</summary>
    public const int NumbersPerImage = 2;

    private const string Losses = "second-moment.losses";
    private const string Counts = "second-moment.counts";

    public string Description => PartText.Of("second-moment", ("parts", Parts), ("history", History), ("uniform", Uniform));

    public double TimeAt(double quantile, INoiseSchedule schedule) => TimeLaw.Uniform.TimeAt(quantile, schedule);

    /// <summary>Why the law cannot be used with a schedule; empty if it can.</summary>
    public IEnumerable<string> Problems(INoiseSchedule schedule) =>
        schedule is DiscreteSchedule { Timesteps: var timesteps } && Parts > timesteps
        ? [$"The time law {Description} has {Parts} parts, but {schedule.Description} has {timesteps} timesteps: a part without a timestep "
            + $"never has a loss, so that times would stay uniform. Use at most {timesteps} parts."]
        : [];

    /// <summary>The history of losses, on the CPU: draws read it at every step.</summary>
    public IReadOnlyDictionary<string, Tensor> CreateTensors() => new Dictionary<string, Tensor>(StringComparer.Ordinal)
    {
        [Losses] = zeros([Parts, History], ScalarType.Float64),
        [Counts] = zeros([Parts], ScalarType.Int64),
    };

    /// <summary>The law of the next step.</summary>
    public ITimeLaw After(ObjectiveState state)
    {
        if (state.Tensors[Counts].data<long>().ToArray().Any(count => count < History))
        {
            return this;
        }

        double[] losses = state.Tensors[Losses].data<double>().ToArray();
        double[] moments = [.. losses.Chunk(History).Select(history => Math.Sqrt(history.Average(loss => loss * loss)))];
        double sum = moments.Sum();
        return sum > 0 && double.IsFinite(sum)
            ? new ImportanceTimes([.. moments.Select(moment => ((1 - Uniform) * moment / sum) + (Uniform / Parts))])
            : this;
    }

    /// <summary>
    /// Remembers the losses of a micro-batch; waits for the device. Where <see cref="ObjectiveState.Notes"/> exist, it only adds them to
    /// those.
    /// </summary>
    /// <param name="state">Has the history.</param>
    /// <param name="levels">The noise level of each image.</param>
    /// <param name="schedule">The schedule.</param>
    /// <param name="losses">The loss of each image, <c>[B]</c>.</param>
    public void Record(ObjectiveState state, IReadOnlyList<NoiseLevel> levels, INoiseSchedule schedule, Tensor losses)
    {
        using IDisposable noGradients = no_grad();
        using DisposeScope scope = NewDisposeScope();
        double[] measured = losses.detach().to(ScalarType.Float64).ToHost().data<double>().ToArray();
        double[] notes = [.. measured.SelectMany((loss, i) => (double[])[ImportanceTimes.PartOf(levels[i], schedule, Parts), loss])];
        if (state.Notes is { } later)
        {
            later.AddRange(notes);
        }
        else
        {
            Remember(state, notes);
        }
    }

    /// <summary>Adds losses to the history. Those that are not finite are left out.</summary>
    /// <param name="state">Has the history.</param>
    /// <param name="notes">For each image the part of its time, and its loss.</param>
    public void Remember(ObjectiveState state, IEnumerable<double> notes)
    {
        TensorAccessor<double> history = state.Tensors[Losses].data<double>();
        TensorAccessor<long> counts = state.Tensors[Counts].data<long>();
        foreach (double[] note in notes.Chunk(NumbersPerImage))
        {
            if (double.IsFinite(note[1]))
            {
                int part = (int)note[0];
                history[part, counts[part] % History] = note[1];
                counts[part]++;
            }
        }
    }
}
