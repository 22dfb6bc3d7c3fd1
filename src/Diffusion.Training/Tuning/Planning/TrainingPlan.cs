using System.Text.Json;
using System.Text.Json.Serialization;

namespace Diffusion.Training;

/// <summary>
/// What a run will take before it begins: steps, time, space, and when to expect what. Made by <see cref="TrainerBuilder.Plan"/> from the
/// parts of the run and a few measured steps.
/// </summary>
public sealed record TrainingPlan
{
    internal TrainingPlan()
    {
    }

    /// <summary>The images that are trained on.</summary>
    public required long Images { get; init; }

    /// <summary>The images that are kept from training and measured.</summary>
    public required long HeldOutImages { get; init; }

    /// <summary>The size of one image.</summary>
    public required ImageShape Shape { get; init; }

    /// <summary>The parameters of the network.</summary>
    public required long ParameterCount { get; init; }

    /// <summary>Images per optimizer step, over all processes.</summary>
    public required int BatchSize { get; init; }

    /// <summary>The processes that train together; 1 for a process that trains alone.</summary>
    [JsonIgnore]
    public int Processes => Calibration.Processes;

    /// <summary>Images per optimizer step in each process.</summary>
    public int ImagesPerProcess => BatchSize / Processes;

    /// <summary>Images per forward and backward pass.</summary>
    public required int MicroBatchSize { get; init; }

    /// <summary>The highest learning rate.</summary>
    public required double LearningRate { get; init; }

    /// <summary>The usual number of optimizer steps for such images at this batch size, to two digits.</summary>
    [JsonIgnore]
    public long SuggestedSteps => Suggested.Steps;

    /// <summary>The source of the suggested steps, in one sentence.</summary>
    [JsonIgnore]
    public string SuggestedReason => Suggested.Reason;

    /// <summary>The optimizer steps of this run: its own, or those that fit into its <see cref="TrainingOptions.TimeLimit"/>.</summary>
    public required long Steps { get; init; }

    /// <summary>The images that this run sees, repeats counted.</summary>
    public required long ImagesSeen { get; init; }

    /// <summary>How often this run sees each image.</summary>
    public required double Epochs { get; init; }

    /// <summary>
    /// The mean time of an optimizer step: reading, forward and backward passes, and update. Several processes make the measured steps
    /// together, so it is the time of the slowest, with the communication that the backward pass does not hide.
    /// </summary>
    [JsonIgnore]
    public TimeSpan StepTime => Calibration.StepTime;

    /// <summary>
    /// The time to send what a step sends while nothing is computed: the sum of the gradients over all processes and, with
    /// <see cref="DistributedOptions.ShardOptimizer"/>, the parameters. Zero for a single process. A part of it, or all of it, is hidden
    /// behind the backward pass; what is not is contained in <see cref="StepTime"/>.
    /// </summary>
    [JsonIgnore]
    public TimeSpan CommunicationTime => Calibration.CommunicationTime;

    /// <summary>The fraction of the time of a step spent waiting for images, 0 to 1; of several processes in the slowest reader.</summary>
    [JsonIgnore]
    public double DataWaitShare => Calibration.DataWaitShare;

    /// <summary>
    /// The memory as <see cref="MemoryEstimator"/> estimates it; of several processes, that of rank 0, which saves the checkpoints.
    /// Null if the network is not a <see cref="UNet2D"/>, perhaps within a <see cref="PatchedModel"/> or a
    /// <see cref="SelfConditionedModel"/>.
    /// </summary>
    public required MemoryEstimate? Memory { get; init; }

    /// <summary>The time of this run; held-out images included, previews and the saving of checkpoints not.</summary>
    public required TimeSpan Duration { get; init; }

    /// <summary>The time of the suggested steps.</summary>
    public required TimeSpan SuggestedDuration { get; init; }

    /// <summary>
    /// The step at which samples should become recognizable: after the warm-up and 2% of the suggested steps, in proportion fewer where the
    /// learning rate is higher than is usual for the batch, and more where it is lower. A rule of thumb: simple images come sooner.
    /// </summary>
    public required long FirstSamplesStep { get; init; }

    /// <summary>The time until then.</summary>
    public required TimeSpan FirstSamplesAfter { get; init; }

    /// <summary>The size of one checkpoint in bytes; its manifest, a few kilobytes, comes on top. It is 0 where nothing is saved.</summary>
    public required long CheckpointBytes { get; init; }

    /// <summary>The most checkpoints that lie in the run folder at one time.</summary>
    public required long MaxCheckpoints { get; init; }

    /// <summary>How many images a sampling makes.</summary>
    public required int SampledImages { get; init; }

    /// <summary>Forward passes per image of a sampling.</summary>
    public required int SamplerSteps { get; init; }

    /// <summary>The time of a sampling.</summary>
    public required TimeSpan SamplingTime { get; init; }

    /// <summary>What is unusual about the plan, each with what to change; usually nothing.</summary>
    public required IReadOnlyList<string> Notes { get; init; }

    /// <summary>The most space that checkpoints take in the run folder, in bytes.</summary>
    public long CheckpointSpace => CheckpointBytes * MaxCheckpoints;

    [JsonInclude]
    internal SuggestedSteps Suggested { get; init; } = null!;

    [JsonInclude]
    internal StepCalibration Calibration { get; init; } = null!;

    internal PlanFacts Facts { get; init; } = null!;

    internal RunTime Time { get; init; } = null!;

    /// <summary>The optimizer steps of a run that ends after a time: the last one begins within it.</summary>
    /// <param name="time">For instance <c>TimeSpan.FromHours(8)</c>; above 0.</param>
    /// <returns>At least 1.</returns>
    /// <exception cref="ArgumentOutOfRangeException">The time is not above 0.</exception>
    public long StepsWithin(TimeSpan time)
    {
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(time, TimeSpan.Zero);
        return Time.StepsWithin(time);
    }

    /// <summary>The plan of the same run with another number of steps and without a time limit; nothing is measured again.</summary>
    /// <param name="steps">Optimizer steps, at least 1.</param>
    /// <exception cref="ArgumentOutOfRangeException">There is no step.</exception>
    public TrainingPlan WithSteps(long steps)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(steps, 1);
        TrainingOptions options = Facts.Options.Copy();
        (options.Steps, options.TimeLimit) = (steps, null);
        return TrainingPlanner.Of(Facts with { Options = options });
    }

    /// <summary>The plan as lines of text.</summary>
    public string ToReport() => PlanText.Report(this);

    /// <summary>Everything as indented JSON, in camel case; times as <c>d.hh:mm:ss</c>.</summary>
    public string ToJson() => JsonSerializer.Serialize(this, TrainingPlanJson.Default.TrainingPlan);
}

/// <summary>How a plan becomes JSON, without reflection.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, WriteIndented = true)]
[JsonSerializable(typeof(TrainingPlan))]
internal sealed partial class TrainingPlanJson : JsonSerializerContext;
