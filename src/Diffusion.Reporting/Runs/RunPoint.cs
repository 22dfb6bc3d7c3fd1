using System.Text.Json.Serialization;
using Diffusion.Training;

namespace Diffusion.Reporting;

/// <summary>
/// The part of a <see cref="TrainingProgress"/> in <c>metrics.jsonl</c> that pages show. Whole reports also hold the gradients of each
/// block, too much to keep of thousands of them.
/// </summary>
internal sealed record RunPoint
{
    /// <inheritdoc cref="TrainingProgress.Step"/>
    public required long Step { get; init; }

    /// <inheritdoc cref="TrainingProgress.Steps"/>
    public required long Steps { get; init; }

    /// <inheritdoc cref="TrainingProgress.ImagesSeen"/>
    public long ImagesSeen { get; init; }

    /// <inheritdoc cref="TrainingProgress.Loss"/>
    public required double Loss { get; init; }

    /// <inheritdoc cref="TrainingProgress.HeldOutLoss"/>
    public double? HeldOutLoss { get; init; }

    /// <inheritdoc cref="TrainingProgress.HeldOutLossStep"/>
    public long? HeldOutLossStep { get; init; }

    /// <inheritdoc cref="TrainingProgress.MeanGradientNorm"/>
    public double MeanGradientNorm { get; init; }

    /// <inheritdoc cref="TrainingProgress.MaxGradientNorm"/>
    public double MaxGradientNorm { get; init; }

    /// <inheritdoc cref="TrainingProgress.LearningRate"/>
    public double LearningRate { get; init; }

    /// <inheritdoc cref="TrainingProgress.ImagesPerSecond"/>
    public double ImagesPerSecond { get; init; }

    /// <inheritdoc cref="TrainingProgress.Elapsed"/>
    public TimeSpan Elapsed { get; init; }

    /// <inheritdoc cref="TrainingProgress.Remaining"/>
    public TimeSpan Remaining { get; init; }

    /// <inheritdoc cref="TrainingProgress.SkippedSteps"/>
    public long SkippedSteps { get; init; }

    /// <inheritdoc cref="TrainingProgress.OverflowedSteps"/>
    public long OverflowedSteps { get; init; }

    /// <inheritdoc cref="TrainingProgress.LossScale"/>
    public double? LossScale { get; init; }

    /// <inheritdoc cref="TrainingProgress.BadImages"/>
    public long BadImages { get; init; }

    /// <inheritdoc cref="TrainingProgress.Findings"/>
    public IReadOnlyList<HealthFinding> Findings { get; init; } = [];
}

/// <summary>The JSON serializer of points, without reflection.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals)]
[JsonSerializable(typeof(RunPoint))]
internal sealed partial class RunPointJson : JsonSerializerContext;
