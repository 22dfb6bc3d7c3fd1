namespace Diffusion.Training;

/// <summary>
/// Finds the values of a run that are possible but unusual: outside the range that the field uses, or at odds with each other.
/// </summary>
internal static class OptionWarnings
{
    private const long SmallNetwork = 10_000_000;
    private const double SmallNetworksTake = 5;
    private const double MaxSignalAtTheEnd = 0.01;
    private const long LongRun = 20_000;
    private const int ManyEpochs = 2000;
    private const int FewImages = 1000;

    /// <summary>Every unusual value, with its reason and its remedy.</summary>
    /// <param name="options">The options; possible ones.</param>
    /// <param name="schedule">The noise schedule.</param>
    /// <param name="images">How many images are trained on.</param>
    /// <param name="parameters">How many numbers the network learns.</param>
    /// <param name="dropout">The network's dropout, where it is known.</param>
    public static IReadOnlyList<TrainingWarning> Of(TrainingOptions options, INoiseSchedule schedule, long images, long parameters,
        double dropout = 0) =>
    [
        .. ((IEnumerable<TrainingWarning?>)
        [
            Rate(options, parameters),
            Batch(options.BatchSize, images),
            Ema(options),
            schedule is DiscreteSchedule discrete ? Timesteps(discrete.Timesteps) : null,
            Warmup(options),
            Clip(options.GradientClip),
            LastTimestep(schedule, options.Objective.Prediction),
            Dropout(dropout),
            Epochs(options, images),
        ]).OfType<TrainingWarning>(),
    ];

    private static TrainingWarning? Rate(TrainingOptions options, long parameters)
    {
        double peak = options.LearningRate.Peak;
        RateAdvice rates = new(options.BatchSize, peak);
        (double usual, double lowest) = (rates.Usual, rates.Lowest);
        double highest = rates.Highest * (parameters < SmallNetwork ? SmallNetworksTake : 1);
        string range = Text(
            $"{lowest:0.#e-0} to {highest:0.#e-0} is usual for a batch of {options.BatchSize} and {parameters:N0} parameters");
        return peak > highest
            ? new TrainingWarning("LearningRate.Peak",
                Text($"{peak:0.##e-0} is high, {range}: the loss may not fall, or become infinite. Use {usual:0.#e-0}, or measure it with "
                    + $"LrRangeFinder."))
            : peak < lowest
            ? new TrainingWarning("LearningRate.Peak",
                Text($"{peak:0.##e-0} is low, {range}: the loss falls slowly, and samples stay blurry for long. Use {usual:0.#e-0}, or "
                    + $"measure it with LrRangeFinder."))
            : null;
    }

    private static TrainingWarning? Batch(int batch, long images) =>
        batch > images ? new TrainingWarning("BatchSize",
            Text($"{batch} is more than the {images} images that are trained on, so that each step sees some of them twice. Use at "
                + $"most {images}."))
        : batch < Math.Min(32, images) ? new TrainingWarning("BatchSize",
            Text($"{batch} gives very noisy gradients; 32 to 512 is usual. Use {Math.Min(64, images)}; where memory is short, with a "
                + $"MicroBatchSize."))
        : batch > 512 ? new TrainingWarning("BatchSize",
            Text($"{batch} is large; 32 to 512 is usual. Beyond 512 the rate may grow only with the square root of the batch, so that "
                + $"images are used less well."))
        : null;

    // Within a time limit nobody knows yet how many steps there will be.
    private static TrainingWarning? Ema(TrainingOptions options)
    {
        long? steps = options.TimeLimit is null ? options.Steps : null;
        string use = steps switch
        {
            null => "Use 0.999 for some thousand steps, 0.9999 for many more.",
            < LongRun => "Use 0.999.",
            _ => "Use 0.9999.",
        };
        if (options.EmaDecay is not { } limit)
        {
            return new TrainingWarning("EmaDecay",
                $"without averaged weights samples are visibly worse, as the weights of any one step are noisy. {use}");
        }

        double halfLife = Math.Log(0.5) / Math.Log(limit);
        return limit > 0.99999 ? new TrainingWarning("EmaDecay",
            Text($"{limit} forgets half only after {halfLife:N0} steps; 0.999 to 0.99999 is usual. {use}"))
            : limit < 0.999
                && steps >= LongRun ? new TrainingWarning("EmaDecay",
                    Text($"{limit} averages over {halfLife:N0} of {steps:N0} steps only; 0.999 to 0.99999 is usual. Use 0.9999."))
            : limit < 0.9 ? new TrainingWarning("EmaDecay",
                Text($"{limit} averages over {halfLife:N1} steps, which is hardly an average. Use 0.999."))
            : null;
    }

    private static TrainingWarning? Timesteps(int timesteps) => timesteps is >= 250 and <= 4000
        ? null
        : new TrainingWarning("Timesteps",
            Text($"{timesteps} is unusual: 250 to 500 for quick experiments, 1000 as a standard, 2000 to 4000 for finer steps. Use 1000; "
                + $"the sampler may take fewer."));

    private static TrainingWarning? Warmup(TrainingOptions options)
    {
        long warmup = options.LearningRate.WarmupOf(options.Steps);
        return warmup > options.Steps / 4
            ? new TrainingWarning("LearningRate.WarmupSteps",
                Text($"{warmup:N0} of {options.Steps:N0} steps is most of what a short run learns in; about 5% is usual. Leave it out."))
            : options.TimeLimit is null && warmup < Math.Min(1000, options.Steps / 100)
            ? new TrainingWarning("LearningRate.WarmupSteps",
                Text($"{warmup:N0} of {options.Steps:N0} steps is short: AdamW's first steps are its largest, before its moments are "
                    + $"settled. Leave it out for about 5%."))
            : null;
    }

    private static TrainingWarning? Clip(double? clip) => clip switch
    {
        null => new TrainingWarning("GradientClip", "without it one bad batch can throw the weights away. Use 1."),
        < 0.5 => new TrainingWarning("GradientClip",
            Text($"{clip} cuts most gradients, which acts as a lower learning rate; 0.5 to 2 is usual. Use 1.")),
        > 2 => new TrainingWarning("GradientClip", Text($"{clip} hardly ever holds a gradient back; 0.5 to 2 is usual. Use 1.")),
        _ => null,
    };

    // Sampling begins with pure noise: what training has never seen where its last timestep still shows the image (Lin et al. 2023).
    private static TrainingWarning? LastTimestep(INoiseSchedule schedule, PredictionType prediction)
    {
        NoiseLevel last = schedule.At(schedule.LastTime);
        double signal = 1 / (1 + (last.Ratio * last.Ratio));
        return signal == 0 && prediction == PredictionType.Epsilon
            ? new TrainingWarning("Prediction",
                "the last timestep of the schedule keeps nothing of the image, which cannot be found from noise alone: the first step of "
                    + "sampling divides by zero. Use Velocity.")
            : signal <= MaxSignalAtTheEnd
            ? null
            : new TrainingWarning("Schedule",
                Text($"the last timestep keeps {signal:P1} of the image's power, but sampling begins with noise alone: samples come out "
                    + $"with the wrong brightness. Use Cosine, or betas that end in less signal than {MaxSignalAtTheEnd:P0}."));
    }

    private static TrainingWarning? Dropout(double dropout) => dropout <= 0.2
        ? null
        : new TrainingWarning("Dropout",
            Text($"{dropout} takes so much away that the network fits its images badly; 0 to 0.2 is usual. Use 0, or 0.1 where it "
                + $"overfits to few images."));

    private static TrainingWarning? Epochs(TrainingOptions options, long images)
    {
        double epochs = (double)options.Steps * options.BatchSize / images;
        return images < FewImages && epochs > ManyEpochs && options.HoldOutFraction == 0 && options.TimeLimit is null
            ? new TrainingWarning("HoldOutFraction",
                Text($"{images} images are seen {epochs:N0} times, so that the network may overfit, and nothing would show it. Hold "
                    + $"out 0.1 of them."))
            : null;
    }

    private static string Text(InvariantText text) => text.ToString();
}
