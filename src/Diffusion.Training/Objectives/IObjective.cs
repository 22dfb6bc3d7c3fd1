using static TorchSharp.torch;

namespace Diffusion.Training;

/// <summary>
/// What a network learns: which noise levels it is trained on, and the loss at them. <see cref="Objective"/> is composed from parts;
/// an implementation of your own can do anything else.
/// </summary>
/// <remarks>An objective is a value without state. What it learns or remembers lives in an <see cref="ObjectiveState"/>.</remarks>
public interface IObjective
{
    /// <summary>Name and parameters in one line, as written into checkpoints. A run resumes with the same description only.</summary>
    string Description { get; }

    /// <summary>The noise levels that are trained on.</summary>
    ITimeLaw Times { get; }

    /// <summary>
    /// The law that the next step draws from, where it follows from what the objective remembers. Default <see cref="Times"/>.
    /// </summary>
    /// <param name="state">What <see cref="CreateState"/> made; null for nothing.</param>
    ITimeLaw TimesAfter(ObjectiveState? state) => Times;

    /// <summary>What cannot work with a schedule, each as: what, actual, expected, remedy. Default nothing.</summary>
    /// <param name="schedule">The schedule of the run.</param>
    IEnumerable<string> Problems(INoiseSchedule schedule) => [];

    /// <summary>
    /// Makes the objective's own trained parameters and named tensors, as a run begins. A trainer trains and saves them with the run.
    /// Default null: it has none.
    /// </summary>
    /// <param name="device">Where they are made.</param>
    ObjectiveState? CreateState(Device device) => null;

    /// <summary>The loss of a micro-batch.</summary>
    /// <param name="input">The images, their noise and their levels.</param>
    /// <returns>The loss with the prediction and target that it compares; they belong to the caller.</returns>
    ObjectiveLoss Loss(ObjectiveInput input);
}
