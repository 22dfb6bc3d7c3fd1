namespace Diffusion.Training;

/// <summary>
/// The decay of an average of weights at each update: average = decay * average + (1 - decay) * weights. A law has no state. Its decay
/// depends only on the number of the step and, for <see cref="HalfLife"/>, on the images seen, so a resumed run averages as an
/// uninterrupted one. Options name a law by its <see cref="Description"/>.
/// </summary>
public sealed record EmaLaw
{
    private EmaLaw(IEmaDecay decay) => Decay = decay;

    /// <summary>
    /// The law of a new run that chooses none: <c>power-function(sigma-rel: 0.03)</c>. The average covers a fixed fraction of the run,
    /// whatever its length: its weights are on average 3% of the run old. That is long enough for most of the benefit with a constant
    /// learning rate, and short enough not to lag behind one that falls to zero.
    /// </summary>
    public static EmaLaw Default { get; } = PowerFunction();

    /// <summary>The law as options name it, such as <c>warmup(max-decay: 0.9999)</c>.</summary>
    public string Description => Decay.Description;

    /// <summary>The names that options can use.</summary>
    internal static PartNames<EmaLaw> Names { get; } = new(
        "decay law",
        law => law.Description,
        new("power-function", values => PowerFunction(values[0]), ("sigma-rel", 0.03)),
        new("warmup", values => Warmup(values[0], values[1]), ("max-decay", 0.9999), ("min-decay", 0)),
        new("inverse-power", values => InversePower(values[0], values[1], values[2], values[3], (long)values[4]),
            ("inv-gamma", 1), ("power", 2.0 / 3), ("max-decay", 0.9999), ("min-decay", 0), ("update-after-step", 0)),
        new("half-life", values => HalfLife(values[0], values[1]), ("images", 500_000), ("ramp-up-ratio", 0.05)),
        new("constant", values => Constant(values[0]), ("decay", 0.9999)));

    /// <summary>The decay itself.</summary>
    internal IEmaDecay Decay { get; }

    /// <summary>The relative width of a <see cref="PowerFunction"/>; null for another law.</summary>
    internal double? SigmaRel => (Decay as PowerFunctionDecay)?.SigmaRel;

    /// <summary>The same decay at every update: <c>constant(decay: 0.9999)</c>. The initial weights stay in the average for long.</summary>
    /// <param name="decay">In [0, 1). Default 0.9999.</param>
    /// <exception cref="ArgumentOutOfRangeException">The decay is outside its range.</exception>
    public static EmaLaw Constant(double decay = 0.9999) => new(new ConstantDecay(Fraction(decay, nameof(decay))));

    /// <summary>
    /// (1 + step) / (10 + step), up to a maximum: <c>warmup(max-decay: 0.9999)</c>. Until the maximum is reached, the average covers about
    /// a tenth of the steps so far.
    /// </summary>
    /// <param name="maxDecay">The maximum decay, in [0, 1); 0.999 to 0.99999 is usual, higher for longer runs. Default 0.9999.</param>
    /// <param name="minDecay">The minimum decay, from 0 to <paramref name="maxDecay"/>. Default 0.</param>
    /// <exception cref="ArgumentOutOfRangeException">A decay is outside its range.</exception>
    public static EmaLaw Warmup(double maxDecay = 0.9999, double minDecay = 0) =>
        new(new WarmupDecay(Fraction(maxDecay, nameof(maxDecay)), Min(minDecay, maxDecay)));

    /// <summary>
    /// 1 - (1 + s / invGamma)^-power with s = step - updateAfterStep - 1, between two limits, and 0 up to s = 0, so that the first averaged
    /// step replaces the initial weights: the warm-up of k-diffusion and diffusers.
    /// <c>inverse-power(inv-gamma: 1, power: 0.6666666666666666, max-decay: 0.9999, min-decay: 0, update-after-step: 0)</c>
    /// </summary>
    /// <param name="invGamma">Stretches the warm-up, above 0. Default 1.</param>
    /// <param name="power">Above 0. 2/3 suits runs of a million steps and more, 3/4 shorter ones. Default 2/3.</param>
    /// <param name="maxDecay">The maximum decay, in [0, 1). Default 0.9999.</param>
    /// <param name="minDecay">The minimum decay, from 0 to <paramref name="maxDecay"/>. Default 0.</param>
    /// <param name="updateAfterStep">Up to the step after this one, the average is a copy of the weights. At least 0. Default 0.</param>
    /// <exception cref="ArgumentOutOfRangeException">A value is outside its range.</exception>
    public static EmaLaw InversePower(double invGamma = 1, double power = 2.0 / 3, double maxDecay = 0.9999, double minDecay = 0,
        long updateAfterStep = 0) => new(new InversePowerDecay(PartRange.Positive(invGamma, 1), PartRange.Positive(power, 2.0 / 3),
            Fraction(maxDecay, nameof(maxDecay)), Min(minDecay, maxDecay),
            (long)PartRange.Check(updateAfterStep >= 0, updateAfterStep, "at least 0", 0)));

    /// <summary>
    /// 0.5^(batch size / half-life) with a half-life in images, so that the average does not depend on the batch size (Karras et al. 2022,
    /// appendix F): <c>half-life(images: 500000, ramp-up-ratio: 0.05)</c>.
    /// </summary>
    /// <param name="images">After this number of images, the share of a step has halved. Above 0. Default 500,000.</param>
    /// <param name="rampUpRatio">
    /// At the start of a run, the half-life is at most this fraction of the images seen. 0 for no such limit. At least 0. Default 0.05.
    /// </param>
    /// <exception cref="ArgumentOutOfRangeException">A value is outside its range.</exception>
    public static EmaLaw HalfLife(double images = 500_000, double rampUpRatio = 0.05) => new(new HalfLifeDecay(
        PartRange.Positive(images, 500_000),
        PartRange.Check(rampUpRatio >= 0 && double.IsFinite(rampUpRatio), rampUpRatio, "at least 0", 0.05)));

    /// <summary>
    /// A power function: the share of step s in the average is proportional to s^gamma, so the average covers the same fraction of a run of
    /// any length (Karras et al. 2024, section 3.1): <c>power-function(sigma-rel: 0.03)</c>. Two such averages of a run can be combined
    /// to one of any width afterwards, see <see cref="PostHocEma"/>.
    /// </summary>
    /// <param name="sigmaRel">
    /// The standard deviation of the shares as a fraction of the steps so far, above 0 and at most 12^-1/2 (0.2887, all steps have the same
    /// share); 0.02 to 0.15 is usual. Default 0.03.
    /// </param>
    /// <exception cref="ArgumentOutOfRangeException">The width is outside its range.</exception>
    public static EmaLaw PowerFunction(double sigmaRel = 0.03) => new(new PowerFunctionDecay(PartRange.Check(
        sigmaRel > 0 && sigmaRel <= PowerProfile.MaxSigmaRel, sigmaRel, "above 0 and at most 12^-1/2 (0.2887)", 0.03)));

    /// <summary>The <see cref="PowerFunction"/> of an exponent: 16.97 for a width of 0.05, 6.94 for one of 0.10.</summary>
    /// <param name="gamma">The exponent of the shares, at least 0.</param>
    /// <exception cref="ArgumentOutOfRangeException">The exponent is below 0.</exception>
    public static EmaLaw PowerFunctionOfGamma(double gamma) =>
        PowerFunction(PowerProfile.SigmaRelOf(PartRange.Check(gamma >= 0 && double.IsFinite(gamma), gamma, "at least 0", 6.94)));

    /// <summary>Returns the decay of one update.</summary>
    /// <param name="step">The number of the optimizer step, from 1.</param>
    /// <param name="imagesSeen">
    /// The images seen so far, including those of this step. Only <see cref="HalfLife"/> needs it. Default 0.
    /// </param>
    /// <param name="batchSize">The images of this step. Only <see cref="HalfLife"/> needs it. Default 0.</param>
    /// <returns>The share of the average that stays, in [0, 1].</returns>
    /// <exception cref="ArgumentOutOfRangeException">The law is a half-life in images, and the batch size is below 1.</exception>
    public double DecayAt(long step, long imagesSeen = 0, int batchSize = 0) => Decay.At(new EmaUpdate(step, imagesSeen, batchSize));

    /// <summary>Returns the <see cref="Description"/>.</summary>
    public override string ToString() => Description;

    /// <summary>Returns the decay of one update after several steps: the product of their decays.</summary>
    /// <param name="steps">The number of steps since the last update, at least 1.</param>
    /// <param name="step">The number of the last of these steps.</param>
    /// <param name="imagesSeen">The images seen up to that step.</param>
    /// <param name="batchSize">The images of each step.</param>
    internal double DecayOver(int steps, long step, long imagesSeen, int batchSize)
    {
        double decay = DecayAt(step, imagesSeen, batchSize);
        for (int back = 1; back < steps && decay > 0; back++)
        {
            decay *= DecayAt(step - back, imagesSeen - ((long)back * batchSize), batchSize);
        }

        return decay;
    }

    private static double Fraction(double decay, string name) =>
        PartRange.Check(decay is >= 0 and < 1, decay, "at least 0 and below 1", 0.9999, name);

    private static double Min(double minDecay, double maxDecay) =>
        PartRange.Check(minDecay >= 0 && minDecay <= maxDecay, minDecay, "at least 0 and at most maxDecay", 0);
}
