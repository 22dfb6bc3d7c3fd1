using TorchSharp;

namespace Diffusion.Training;

/// <summary>
/// Finds the learning rate of a run before it begins: raises the rate step by step, from one that does nothing to one that does harm, and
/// measures the loss after each step (Smith 2017, section 3.3). Made by <see cref="TrainerBuilder.BuildLrRangeFinder"/> from the parts of
/// the run.
/// </summary>
/// <remarks>
/// <para>
/// The loss of a batch depends more on its timesteps and noise than on the rate. So every rate is judged by the same images, at timesteps
/// spread evenly over the schedule and with the same noise: those that the run would see after the sweep. Trained is on the run's own
/// batches in their order, with timesteps spread evenly over each batch.
/// </para>
/// <para>
/// A copy of the model is swept, with an optimizer of its own: model, trainers, run folder and the process's CPU generator stay bit for bit
/// as they are, however the sweep ends. It takes the memory of the weights four times more, and nothing is kept between two sweeps.
/// </para>
/// <para>
/// Several processes (<see cref="TrainerBuilder.UseDistributed"/>) sweep together, as they train: each on its share of a batch and of the
/// images that measure the loss. All of them call <see cref="Run"/> and get the same result.
/// </para>
/// </remarks>
public sealed class LrRangeFinder
{
    private readonly TrainerSetup setup;
    private readonly LrRangeOptions options;

    internal LrRangeFinder(TrainerSetup setup, LrRangeOptions options)
    {
        this.options = options;
        this.setup = setup;
    }

    /// <summary>
    /// Sweeps, from the model's present weights or <see cref="TrainingOptions.InitialWeights"/>. The same parts give the same curve.
    /// </summary>
    /// <param name="progress">
    /// Hears of each step, on this thread; of several processes only that of rank 0. One that throws is logged and does not end the sweep.
    /// </param>
    /// <param name="cancellationToken">
    /// Ends the sweep between two steps, or in a wait for images. That is no error: the result says so. If one of several processes is
    /// canceled, all end after the same step.
    /// </param>
    /// <returns>The curve and what it says.</returns>
    /// <exception cref="CheckpointException">The initial weights cannot be read or do not fit.</exception>
    /// <exception cref="ImageDataException">An image cannot be read or lies outside [-1, 1].</exception>
    /// <exception cref="DistributedException">The processes differ, or one was lost.</exception>
    public LrRange Run(IProgress<LrRangePoint>? progress = null, CancellationToken cancellationToken = default)
    {
        using DisposeScope scope = torch.NewDisposeScope();
        try
        {
            using LrSweep sweep = new(setup, options, cancellationToken);
            return sweep.Run(progress);
        }
        catch (Exception error)
        {
            setup.Processes?.Fail(error);
            throw;
        }
    }
}
