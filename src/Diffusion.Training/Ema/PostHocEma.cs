using System.Globalization;
using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Training;

/// <summary>
/// Reconstructs averages of any width after a run, from the snapshots that it saved (<see cref="TrainingOptions.EmaSnapshotEverySteps"/>).
/// An average with a power function is a sum of the weights of all steps. The sum of snapshots that is nearest to the wanted one has nearly
/// the same weights (Karras et al. 2024, section 3.2 and appendix C). Two widths in the run, such as 0.05 and 0.10, are best.
/// </summary>
/// <remarks>
/// The coefficients are computed in float64. They are divided by their sum, as the authors' program does. Weights are added in float64 and
/// rounded once to float32. Each call reads the snapshots from the disk, and needs memory for three sets of weights.
/// </remarks>
public sealed class PostHocEma
{
    private const double MaxProfileError = 0.3;
    private const double NegligibleCoefficient = 1e-10; // far below the rounding of float32

    private readonly string runFolder;
    private readonly string snapshotFolder;
    private readonly IReadOnlyList<EmaSnapshotName> snapshots;

    private PostHocEma(string runFolder, string snapshotFolder, IReadOnlyList<EmaSnapshotName> snapshots)
    {
        this.runFolder = runFolder;
        this.snapshotFolder = snapshotFolder;
        this.snapshots = snapshots;
        Steps = [.. snapshots.Select(snapshot => snapshot.Step).Distinct()];
        SigmaRels = [.. snapshots.Select(snapshot => snapshot.SigmaRel).Distinct().Order()];
    }

    /// <summary>The steps of the snapshots, in ascending order.</summary>
    public IReadOnlyList<long> Steps { get; }

    /// <summary>The relative widths of the snapshots, in ascending order.</summary>
    public IReadOnlyList<double> SigmaRels { get; }

    /// <summary>Finds the snapshots of a run, which may still be training. It reads only their names.</summary>
    /// <param name="runFolder">The folder of the run.</param>
    /// <exception cref="CheckpointException">The run has fewer than two snapshots.</exception>
    /// <exception cref="NativeBackendException">libtorch cannot be loaded.</exception>
    public static PostHocEma Open(string runFolder)
    {
        ArgumentException.ThrowIfNullOrEmpty(runFolder);
        TorchBackend.EnsureLoaded();
        string folder = Path.Combine(Path.GetFullPath(runFolder), EmaSnapshotFolder.Name);
        IReadOnlyList<EmaSnapshotName> found = EmaSnapshotFolder.In(folder);
        return found.Count >= 2
            ? new PostHocEma(runFolder, folder, found)
            : throw new CheckpointException(
                $"'{folder}' contains {found.Count} snapshots of averages, but a reconstruction needs at least 2. Train with the "
                + "option EmaSnapshotEverySteps.");
    }

    /// <summary>Returns how far the reconstructed profile is from the wanted one.</summary>
    /// <param name="sigmaRel">The relative width, above 0 and at most 12^-1/2 (0.2887).</param>
    /// <param name="step">The step of the average. Null, the default, for the last snapshot. Later snapshots are not used.</param>
    /// <returns>The L2 norm of the difference, divided by that of the wanted profile: 0 is exact, and below 0.05 is good.</returns>
    /// <exception cref="ArgumentOutOfRangeException">The width is outside its range, or the step is not within the snapshots.</exception>
    public double ProfileError(double sigmaRel, long? step = null) => FitOf(sigmaRel, step ?? Steps[^1]).Fit.RelativeError;

    /// <summary>Reconstructs an average as a model for sampling.</summary>
    /// <param name="sigmaRel">The relative width, above 0 and at most 12^-1/2 (0.2887).</param>
    /// <param name="step">The step of the average. Null, the default, for the last snapshot. Later snapshots are not used.</param>
    /// <param name="network">As in <see cref="TrainedModel.Open"/>.</param>
    /// <param name="schedule">As in <see cref="TrainedModel.Open"/>.</param>
    /// <param name="device">The device. Default null: the CPU.</param>
    /// <returns>The model; the caller disposes it.</returns>
    /// <exception cref="ArgumentOutOfRangeException">The width is outside its range, or the step is not within the snapshots.</exception>
    /// <exception cref="CheckpointException">
    /// The snapshots are too few for this profile, one of them is damaged, or the run has no checkpoint that describes the network.
    /// </exception>
    public TrainedModel Reconstruct(double sigmaRel, long? step = null, Func<IDiffusionModel>? network = null,
        INoiseSchedule? schedule = null, ComputeDevice? device = null)
    {
        using DisposeScope scope = NewDisposeScope();
        IReadOnlyDictionary<string, Tensor> weights = Weights(sigmaRel, step);
        TrainedModel model = TrainedModel.Open(runFolder, ema: null, network, schedule, device);
        try
        {
            return model.WithWeights(weights, step ?? Steps[^1], EmaLaw.PowerFunction(sigmaRel).Description);
        }
        catch (ArgumentException problem)
        {
            model.Dispose();
            throw new CheckpointException(
                $"The snapshots in '{snapshotFolder}' belong to another network than the checkpoint in '{runFolder}': {problem.Message}",
                problem);
        }
    }

    /// <summary>
    /// Reconstructs an average and saves its weights as float32 safetensors, which <see cref="TrainerBuilder.UseInitialWeights"/> reads.
    /// </summary>
    /// <param name="path">The file, in an existing folder. An existing file is replaced.</param>
    /// <param name="sigmaRel">The relative width, above 0 and at most 12^-1/2 (0.2887).</param>
    /// <param name="step">The step of the average. Null, the default, for the last snapshot. Later snapshots are not used.</param>
    /// <exception cref="ArgumentOutOfRangeException">The width is outside its range, or the step is not within the snapshots.</exception>
    /// <exception cref="CheckpointException">The snapshots are too few for this profile, or one of them is damaged.</exception>
    /// <exception cref="IOException">The file cannot be written.</exception>
    public void Save(string path, double sigmaRel, long? step = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        using DisposeScope scope = NewDisposeScope();
        SafeTensorsFile.Write(path, Weights(sigmaRel, step), new Dictionary<string, string>(StringComparer.Ordinal)
        {
            ["ema"] = EmaLaw.PowerFunction(sigmaRel).Description,
            ["step"] = (step ?? Steps[^1]).ToString(CultureInfo.InvariantCulture),
        });
    }

    /// <summary>The snapshots of an average and their coefficients.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The width is outside its range, or the step is not within the snapshots.</exception>
    /// <exception cref="CheckpointException">The snapshots are too few for this profile.</exception>
    internal (IReadOnlyList<EmaSnapshotName> Used, ProfileFit Fit) UsableFit(double sigmaRel, long? step)
    {
        long output = step ?? Steps[^1];
        (IReadOnlyList<EmaSnapshotName> used, ProfileFit fit) = FitOf(sigmaRel, output);
        if (!(fit.RelativeError <= MaxProfileError))
        {
            throw new CheckpointException(string.Create(CultureInfo.InvariantCulture,
                $"The {used.Count} snapshots up to step {output} in '{snapshotFolder}' are too few for an average of width {sigmaRel}: its "
                + $"profile would have an error of {fit.RelativeError:P0}, but must have at most {MaxProfileError:P0}. Use a step with a "
                + $"snapshot, a width nearer to {string.Join(" or ", SigmaRels)}, or train with more snapshots."));
        }

        return (used, fit);
    }

    // The tensors belong to the current dispose scope.
    private Dictionary<string, Tensor> Weights(double sigmaRel, long? step)
    {
        (IReadOnlyList<EmaSnapshotName> used, ProfileFit fit) = UsableFit(sigmaRel, step);
        using DisposeScope scope = NewDisposeScope();
        Dictionary<string, Tensor> sums = new(StringComparer.Ordinal);
        foreach ((EmaSnapshotName name, double coefficient) in used.Zip(fit.Coefficients)
            .Where(pair => Math.Abs(pair.Second) > NegligibleCoefficient))
        {
            using SafeTensors snapshot = EmaSnapshotFile.Read(snapshotFolder, name);
            Add(sums, snapshot.Tensors, coefficient, name);
        }

        return sums.ToDictionary(sum => sum.Key, sum => sum.Value.to(ScalarType.Float32).MoveToOuterDisposeScope(), StringComparer.Ordinal);
    }

    private void Add(Dictionary<string, Tensor> sums, IReadOnlyDictionary<string, Tensor> weights, double coefficient, EmaSnapshotName name)
    {
        if (sums.Count > 0 && NamedWeights.Misfits(sums, weights) is { Count: > 0 } misfits)
        {
            throw new CheckpointException(
                $"The snapshot '{Path.Combine(snapshotFolder, name.ToString())}' belongs to another network than the others: "
                + $"{NamedWeights.Text(misfits)}. Delete it.");
        }

        foreach ((string key, Tensor tensor) in weights)
        {
            using Tensor wide = tensor.to(ScalarType.Float64);
            using Scalar factor = coefficient.ToScalar();
            if (sums.TryGetValue(key, out Tensor? sum))
            {
                sum.add_(wide, factor);
            }
            else
            {
                sums.Add(key, wide.mul(factor));
            }
        }
    }

    private (IReadOnlyList<EmaSnapshotName> Used, ProfileFit Fit) FitOf(double sigmaRel, long step)
    {
        PowerProfile target = new(step, PowerProfile.GammaOf(EmaLaw.PowerFunction(sigmaRel).SigmaRel!.Value));
        if (step < Steps[0] || step > Steps[^1])
        {
            throw new ArgumentOutOfRangeException(nameof(step), step,
                $"The step ({step}) must be within the snapshots, {Steps[0]} to {Steps[^1]}. Use {Steps[^1]}.");
        }

        EmaSnapshotName[] used = [.. snapshots.Where(snapshot => snapshot.Step <= step)];
        return (used, ProfileFit.Of([.. used.Select(snapshot => snapshot.Profile)], target));
    }
}
