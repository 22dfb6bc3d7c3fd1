using Diffusion.Data;

namespace Diffusion.Training;

/// <summary>
/// Everything about a run that is plain data. Binds from configuration (appsettings.json), is what <see cref="TrainerBuilder"/> fills, and
/// is written into each checkpoint.
/// </summary>
public sealed class TrainingOptions
{
    /// <summary>Optimizer steps of the whole run, at least 1. Default 200,000.</summary>
    public long Steps { get; set; } = 200_000;

    /// <summary>Ends the run after this time, even if steps are left; the result is saved. Null, the default, for no limit.</summary>
    public TimeSpan? TimeLimit { get; set; }

    /// <summary>
    /// Images per optimizer step, 1 to 65,536; 32 to 512 is usual. A larger batch gives smoother gradients. Default 64.
    /// </summary>
    public int BatchSize { get; set; } = 64;

    /// <summary>
    /// Images per forward and backward pass. Less than <see cref="BatchSize"/> saves memory; the gradient is the same. Must divide
    /// <see cref="BatchSize"/>. Null, the default, is the whole batch, or the share of a process. If that does not fit
    /// <see cref="MemoryBudgetBytes"/> by the estimate of <see cref="MemoryEstimator"/>, a run uses the largest size that fits and
    /// warns. Batches of models whose memory cannot be estimated stay whole.
    /// </summary>
    public int? MicroBatchSize { get; set; }

    /// <summary>
    /// The blocks of the network that keep only their inputs on the way forward, and are computed once more on the way back
    /// (<see cref="IGradientCheckpointing"/>): with all blocks less memory, often less than half
    /// (<see cref="MemoryEstimator.SavedByCheckpointing"/>), for 1.2 to 1.3 times the time; on a CPU the same weights to the last bit.
    /// Needs a model that can, and with dropout the CPU. <see cref="Diffusion.GradientCheckpointing.Fit"/> recomputes as few blocks of a
    /// <see cref="UNet2D"/> as <see cref="MemoryBudgetBytes"/> demands. It holds while a run trains; a resumed run may change it. Default
    /// none, which leaves the model as it is.
    /// </summary>
    public GradientCheckpointing GradientCheckpointing { get; set; }

    /// <summary>
    /// The memory that training may use, in bytes, for each process, by the estimate of <see cref="MemoryEstimator"/>:
    /// <see cref="Diffusion.GradientCheckpointing.Fit"/> chooses blocks for it, and without a <see cref="MicroBatchSize"/> it limits the
    /// images of a pass. A resumed run may change it. Null, the default, for the memory of the device
    /// (<see cref="ComputeDevice.MemoryBytes"/>), where that is known: on a CPU divided by the number of processes of the
    /// machine, on a GPU 90% of it, because CUDA itself and gaps between tensors need the rest.
    /// </summary>
    public long? MemoryBudgetBytes { get; set; }

    /// <summary>
    /// What the network computes in; weights, gradients, averages and checkpoints are float32 in any case. A resumed run may change it.
    /// In 16 bits the parameter objects of the network are replaced while a trainer exists.
    /// <see cref="Precision.Best"/> measures the device when a run starts; a resumed run keeps what was chosen then. Default float32.
    /// </summary>
    public Precision Precision { get; set; } = Precision.Float32;

    /// <summary>The factor of the loss in <see cref="Precision.Float16"/>. A resumed run continues with the factor that it had.</summary>
    public LossScaleOptions LossScale { get; set; } = new();

    /// <summary>The learning rate of each step. Default: 2e-4, constant, after the default warm-up.</summary>
    public LearningRate LearningRate { get; set; } = new();

    /// <summary>
    /// The maximum norm of all gradients together, above 0; larger gradients are scaled down to it. 0.5 to 2 is usual. Null for no
    /// clipping. Default 1.
    /// </summary>
    public double? GradientClip { get; set; } = 1.0;

    /// <summary>
    /// How the optimizer treats some of the parameters: weight decay, a factor of the learning rate, or frozen. A resumed run has the same
    /// rules. Default none: parameters with two dimensions or more decay, and all are trained that have <c>requires_grad</c>.
    /// </summary>
    public ParameterRule[] ParameterRules { get; set; } = [];

    /// <summary>
    /// The average of the weights, as a name or as name(parameter: value): <c>power-function</c>, <c>warmup</c>, <c>inverse-power</c>,
    /// <c>half-life</c>, <c>constant</c> (<see cref="EmaLaw"/>), or <c>none</c>. Null, the default, is <see cref="EmaLaw.Default"/> for a
    /// new run; a resumed run keeps the law with which it started.
    /// </summary>
    public string? Ema { get; set; }

    /// <summary>
    /// Further averages beside <see cref="Ema"/>, with other laws; each takes the memory of the weights once more. Default none.
    /// </summary>
    public string[] AdditionalEma { get; set; } = [];

    /// <summary>
    /// Optimizer steps between two updates of the averages, at least 1. The decay covers all steps since the last update. Default 1.
    /// </summary>
    public int EmaEverySteps { get; set; } = 1;

    /// <summary>
    /// Whether the averages are kept in the memory of the host, which frees their memory on a GPU. Each update then waits for a copy of the
    /// weights: set <see cref="EmaEverySteps"/> to 10 or more. While the held-out loss is measured, images are sampled or a preview runs,
    /// the first average is on the device too, and after the run all are. At other times <see cref="Trainer.EmaDenoiser"/> and
    /// <see cref="Trainer.SnapshotEma"/> throw <see cref="InvalidOperationException"/>. Averages and checkpoints are the same, apart from
    /// rounding. Several processes use <see cref="DistributedOptions.ShardOptimizer"/> instead. Default false.
    /// </summary>
    public bool EmaOnCpu { get; set; }

    /// <summary>
    /// Optimizer steps between two snapshots of the averages with power functions, from which <see cref="PostHocEma"/> reconstructs an
    /// average of any width after the run. Each takes 4 bytes per weight and average on the disk, and none is deleted; 50 to 200 in a run
    /// are enough. A run that ends by itself saves one as well. Null, the default, for none.
    /// </summary>
    public int? EmaSnapshotEverySteps { get; set; }

    /// <summary>The noise schedule. Default cosine.</summary>
    public NoiseScheduleKind Schedule { get; set; } = NoiseScheduleKind.Cosine;

    /// <summary>The number of timesteps T, 250 to 4000. Default 1000.</summary>
    public int Timesteps { get; set; } = NoiseSchedule.DefaultTimesteps;

    /// <summary>
    /// The first beta of <see cref="Schedule"/>, the lower limit for the sigmoid one, in (0, 1). Null, the default, is the usual one for
    /// <see cref="Timesteps"/>. Only the linear, scaled-linear and sigmoid schedules have one.
    /// </summary>
    public double? BetaStart { get; set; }

    /// <summary>
    /// The last beta of <see cref="Schedule"/>, the upper limit for the sigmoid one; otherwise as <see cref="BetaStart"/>.
    /// </summary>
    public double? BetaEnd { get; set; }

    /// <summary>The least sigma of <see cref="NoiseScheduleKind.Edm"/>; other schedules have none. Null, the default, for 0.002.</summary>
    public double? SigmaMin { get; set; }

    /// <summary>The greatest sigma of <see cref="NoiseScheduleKind.Edm"/>; other schedules have none. Null, the default, for 80.</summary>
    public double? SigmaMax { get; set; }

    /// <summary>
    /// The shift of <see cref="NoiseScheduleKind.RectifiedFlow"/> (<see cref="FlowSchedule.Shift"/>), above 0; other schedules have none.
    /// Null, the default, for 1.
    /// </summary>
    public double? FlowShift { get; set; }

    /// <summary>
    /// Whether the betas are rescaled so that the last timestep is pure noise (<see cref="DiscreteSchedule.WithZeroTerminalSnr"/>). Default
    /// false. <see cref="NoiseScheduleKind.Edm"/> and <see cref="NoiseScheduleKind.RectifiedFlow"/> have no betas.
    /// </summary>
    public bool ZeroTerminalSnr { get; set; }

    /// <summary>
    /// Each beta, in place of <see cref="Schedule"/>: <see cref="Timesteps"/> numbers in (0, 1). Null, the default, for none.
    /// </summary>
    public double[]? Betas { get; set; }

    /// <summary>
    /// What a schedule that <see cref="Schedule"/> does not name calls itself: one of <see cref="Betas"/>; or without them one of a user's
    /// own type, which no options can make, so that it must be given with <see cref="TrainerBuilder.UseSchedule"/>. Null, the default, for
    /// any other.
    /// </summary>
    public string? ScheduleDescription { get; set; }

    /// <summary>What the network learns. Default: the noise, by the mean squared error, at uniform times.</summary>
    public ObjectiveOptions Objective { get; set; } = new();

    /// <summary>The seed of every random number of the run. Default 0.</summary>
    public long Seed { get; set; }

    /// <summary>The share of the images that is kept from training and only measured, 0 to 0.5. Default 0.</summary>
    public double HoldOutFraction { get; set; }

    /// <summary>Optimizer steps between two measurements of the held-out loss, at least 1. Default 1000.</summary>
    public int HoldOutEverySteps { get; set; } = 1000;

    /// <summary>Optimizer steps between two reports of progress, at least 1. Default 100.</summary>
    public int ReportEverySteps { get; set; } = 100;

    /// <summary>
    /// The folder of the run: metrics and checkpoints. A run resumes from what it finds there. Null, the default, saves nothing.
    /// </summary>
    public string? RunFolder { get; set; }

    /// <summary>
    /// Optimizer steps between two checkpoints, at least 1. Default 5000. A run that ends without an error saves one as well.
    /// </summary>
    public int CheckpointEverySteps { get; set; } = 5000;

    /// <summary>
    /// How many of the newest checkpoints are kept, at least 1. Default 2, so that one is left should the newest be damaged.
    /// </summary>
    public int KeepCheckpoints { get; set; } = 2;

    /// <summary>
    /// How many checkpoints with the lowest held-out loss are kept as well; needs <see cref="HoldOutFraction"/>. Default 0.
    /// </summary>
    public int KeepBestCheckpoints { get; set; }

    /// <summary>Checkpoints whose step is a multiple of this are kept for good. Null, the default, for none.</summary>
    public long? KeepCheckpointsEverySteps { get; set; }

    /// <summary>How images are read: workers, prefetching, shuffling of shards, bad images.</summary>
    public LoadingOptions Loading { get; set; } = new();

    /// <summary>How the run is watched, and what follows when it goes wrong.</summary>
    public HealthOptions Health { get; set; } = new();

    /// <summary>Makes the noise schedule that these options name. The options in a checkpoint's manifest name the one of its run.</summary>
    /// <exception cref="InvalidOperationException">
    /// Only <see cref="ScheduleDescription"/> names it: it is of a type that the library does not know.
    /// </exception>
    /// <exception cref="ArgumentException">A value is impossible; the message lists every problem.</exception>
    public INoiseSchedule CreateSchedule()
    {
        if (OptionSchedule.OnlyDescribed(this) is { } described)
        {
            throw new InvalidOperationException(
                $"The schedule is {described}, of a type that the library does not know: only the program that made it can make it again.");
        }

        string[] problems = [.. OptionSchedule.Problems(this)];
        return problems.Length == 0 ? OptionSchedule.Make(this) : throw new ArgumentException(string.Join(" ", problems));
    }

    /// <summary>How many images have their times spread evenly over the law: those of a step, or null where each is drawn alone.</summary>
    internal int? StratifiedImages => Objective.StratifiesTimes ? BatchSize : null;

    internal TrainingOptions Copy()
    {
        TrainingOptions copy = (TrainingOptions)MemberwiseClone();
        copy.AdditionalEma = (string[]?)AdditionalEma?.Clone()!;
        copy.ParameterRules = (ParameterRule[]?)ParameterRules?.Clone()!;
        copy.Betas = (double[]?)Betas?.Clone();
        return copy;
    }

    /// <summary>
    /// Weights to start from: a safetensors file, such as <c>ema.safetensors</c> in the folder of a checkpoint; the index of several; or a
    /// folder of diffusers. Null, the default, starts from the network as it is.
    /// </summary>
    public string? InitialWeights { get; set; }
}
