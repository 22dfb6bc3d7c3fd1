namespace Diffusion.Training;

/// <summary>Finds the valid but unusual option values of a run: outside the usual range, or inconsistent with each other.</summary>
internal static class OptionWarnings
{
    private const long SmallNetwork = 10_000_000;
    private const double SmallNetworkFactor = 5;
    private const double MaxFinalSignal = 0.01;
    private const long LongRun = 20_000;
    private const int ManyEpochs = 2000;
    private const int FewImages = 1000;

    /// <summary>Returns a warning with reason and remedy for each unusual value.</summary>
    /// <param name="options">The options, which must be valid.</param>
    /// <param name="schedule">The noise schedule.</param>
    /// <param name="images">The number of training images.</param>
    /// <param name="parameters">The number of weights that the network learns.</param>
    /// <param name="dropout">The dropout of the network, if it is known.</param>
    /// <param name="optimizer">The optimizer; null for AdamW.</param>
    public static IReadOnlyList<TrainingWarning> Of(TrainingOptions options, INoiseSchedule schedule, long images, long parameters,
        double dropout = 0, IOptimizerFactory? optimizer = null) =>
    [
        .. ((IEnumerable<TrainingWarning?>)
        [
            optimizer is { FindsLearningRate: true } ? null : Rate(options, parameters, optimizer?.UsualRateFactor ?? 1),
            Batch(options.BatchSize, images),
            optimizer is { AveragesWeights: true } ? null : Ema(options, optimizer ?? new AdamWFactory()),
            schedule is DiscreteSchedule discrete ? Timesteps(discrete.Timesteps) : null,
            Warmup(options),
            Clip(options.GradientClip),
            LastTimestep(schedule, options.Objective.Prediction),
            Dropout(dropout),
            Epochs(options, images),
        ]).OfType<TrainingWarning>(),
    ];

    private static TrainingWarning? Rate(TrainingOptions options, long parameters, double factor)
    {
        double peak = options.LearningRate.Peak;
        RateAdvice rates = new(options.BatchSize, peak);
        (double usual, double lowest) = (factor * rates.Usual, factor * rates.Lowest);
        double highest = factor * rates.Highest * (parameters < SmallNetwork ? SmallNetworkFactor : 1);
        string range = Text(
            $"{lowest:0.#e-0} to {highest:0.#e-0} is usual for a batch of {options.BatchSize} and {parameters:N0} parameters");
        return peak > highest
            ? new TrainingWarning("LearningRate.Peak",
                Text($"{peak:0.##e-0} is high; {range}. The loss may not fall, or may become infinite. Use {usual:0.#e-0}, or measure it "
                    + $"with LrRangeFinder."))
            : peak < lowest
            ? new TrainingWarning("LearningRate.Peak",
                Text($"{peak:0.##e-0} is low; {range}. The loss falls slowly, and samples stay blurry for a long time. Use "
                    + $"{usual:0.#e-0}, or measure it with LrRangeFinder."))
            : null;
    }

    private static TrainingWarning? Batch(int batch, long images) =>
        batch > images ? new TrainingWarning("BatchSize",
            Text($"{batch} exceeds the {images} training images, so each step sees some of them twice. Use at most {images}."))
        : batch < Math.Min(32, images) ? new TrainingWarning("BatchSize",
            Text($"{batch} gives very noisy gradients; 32 to 512 is usual. Use {Math.Min(64, images)}, with a MicroBatchSize if "
                + $"memory is short."))
        : batch > 512 ? new TrainingWarning("BatchSize",
            Text($"{batch} is large; 32 to 512 is usual. Above 512, the learning rate can grow only with the square root of the batch "
                + $"size, so images are used less efficiently."))
        : null;

    // With a time limit, the number of steps is not known in advance.
    private static TrainingWarning? Ema(TrainingOptions options, IOptimizerFactory optimizer)
    {
        long? steps = options.TimeLimit is null ? options.Steps : null;
        if (EmaOptions.Laws(options, optimizer) is not [var law, ..])
        {
            return new TrainingWarning("Ema",
                "without averaged weights, samples are visibly worse, because the weights of a single step are noisy. Leave it out for an "
                    + "average over a fixed fraction of the run.");
        }

        if (law.Decay.Limit is not { } limit)
        {
            return null;
        }

        double halfLife = Math.Log(0.5) / Math.Log(limit);
        return limit > 0.99999 ? new TrainingWarning("Ema",
                Text($"{law} has a half-life of {halfLife:N0} steps; a decay of 0.999 to 0.99999 is usual. Leave it out."))
            : limit < 0.999 && steps >= LongRun ? new TrainingWarning("Ema",
                Text($"{law} averages over only {halfLife:N0} of {steps:N0} steps; a decay of 0.999 to 0.99999 is usual. Leave it out."))
            : limit < 0.9 ? new TrainingWarning("Ema",
                Text($"{law} averages over only {halfLife:N1} steps, which is hardly an average. Leave it out."))
            : null;
    }

    private static TrainingWarning? Timesteps(int timesteps) => timesteps is >= 250 and <= 4000
        ? null
        : new TrainingWarning("Timesteps",
            Text($"{timesteps} is unusual; 250 to 500 suits quick experiments, 1000 is standard, and 2000 to 4000 gives finer steps. Use "
                + $"1000; the sampler can use fewer."));

    private static TrainingWarning? Warmup(TrainingOptions options)
    {
        long warmup = options.LearningRate.WarmupOf(options.Steps);
        return warmup > options.Steps / 4
            ? new TrainingWarning("LearningRate.WarmupSteps",
                Text($"{warmup:N0} of {options.Steps:N0} steps is a large part of the run; about 5% is usual. Leave it out."))
            : options.TimeLimit is null && warmup < Math.Min(1000, options.Steps / 100)
            ? new TrainingWarning("LearningRate.WarmupSteps",
                Text($"{warmup:N0} of {options.Steps:N0} steps is short: AdamW takes its largest steps first, before its moments have "
                    + $"settled. Leave it out for about 5%."))
            : null;
    }

    private static TrainingWarning? Clip(double? clip) => clip switch
    {
        null => new TrainingWarning("GradientClip", "without it, one bad batch can ruin the weights. Use 1."),
        < 0.5 => new TrainingWarning("GradientClip",
            Text($"{clip} clips most gradients, which acts like a lower learning rate; 0.5 to 2 is usual. Use 1.")),
        > 2 => new TrainingWarning("GradientClip", Text($"{clip} rarely clips a gradient; 0.5 to 2 is usual. Use 1.")),
        _ => null,
    };

    // Sampling starts from pure noise, which training never sees if the last timestep still shows the image (Lin et al. 2023).
    private static TrainingWarning? LastTimestep(INoiseSchedule schedule, PredictionType prediction)
    {
        NoiseLevel last = schedule.At(schedule.LastTime);
        double signal = 1 / (1 + (last.Ratio * last.Ratio));
        return signal == 0 && prediction == PredictionType.Epsilon
            ? new TrainingWarning("Prediction",
                "the last timestep of the schedule keeps nothing of the image, which a prediction of the noise cannot recover: the first "
                    + "sampling step divides by zero. Use Velocity.")
            : signal <= MaxFinalSignal
            ? null
            : new TrainingWarning("Schedule",
                Text($"the last timestep keeps {signal:P1} of the power of the image, but sampling starts from pure noise: samples get "
                    + $"the wrong brightness. Use Cosine, or betas whose final signal is less than {MaxFinalSignal:P0}."));
    }

    private static TrainingWarning? Dropout(double dropout) => dropout <= 0.2
        ? null
        : new TrainingWarning("Dropout",
            Text($"{dropout} removes so much that the network fits its images poorly; 0 to 0.2 is usual. Use 0, or 0.1 if the network "
                + $"overfits to a small dataset."));

    private static TrainingWarning? Epochs(TrainingOptions options, long images)
    {
        double epochs = (double)options.Steps * options.BatchSize / images;
        return images < FewImages && epochs > ManyEpochs && options.HoldOutFraction == 0 && options.TimeLimit is null
            ? new TrainingWarning("HoldOutFraction",
                Text($"{images} images are seen {epochs:N0} times, so the network may overfit, and nothing would show it. Hold out "
                    + $"0.1 of them."))
            : null;
    }

    private static string Text(InvariantText text) => text.ToString();
}
