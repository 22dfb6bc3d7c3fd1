using System.Globalization;
using Diffusion.Data;
using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Training;

/// <summary>Repeats a skipped step with the current weights, to find where its numbers become invalid. Changes nothing.</summary>
internal sealed class SkippedStepTrace(TrainerSetup setup, TrainingState state, Denoiser denoiser, SeedStream seeds)
{
    private const int NamedImages = 3;

    /// <summary>Describes where the first number that is not finite comes from.</summary>
    /// <param name="step">The number of the step, from 1.</param>
    public string Of(long step)
    {
        try
        {
            return Replay(step);
        }
#pragma warning disable CA1031 // If the trace fails, training continues without it.
        catch (Exception error)
#pragma warning restore CA1031
        {
            return $"The step could not be repeated to find the cause: {error.Message}";
        }
    }

    private string Replay(long step)
    {
        TrainingOptions options = setup.Options;
        int microBatch = setup.MicroBatchSize;
        long start = state.ImagesSeen - ((state.Step - step + 1) * options.BatchSize);
        Device device = state.Parameters.Values.device;
        ISampleOrder order = state.Data.Order();
        BatchPlan plan = new() { StepSize = options.BatchSize, BatchSize = microBatch, Start = start };
        using BatchLoader loader = new(setup.Source, order, plan, seeds, options.Loading with { Workers = 0 }, device);
        int passes = 0;
        double norm;
        try
        {
            for (int first = 0; first < options.BatchSize; first += microBatch)
            {
                using DisposeScope scope = NewDisposeScope();
                using ImageBatch batch = loader.Next();
                if (!batch.Positions.IsEmpty)
                {
                    passes++;
                    if (Fault(batch, device, order) is { } fault)
                    {
                        return fault;
                    }
                }
            }

            using GradientNorm whole = new(state.Parameters, clip: null);
            norm = whole.Norm.Read<float>() / Math.Max(1, passes); // each pass added the gradient of its own mean loss
        }
        finally
        {
            using IDisposable noGradients = no_grad();
            state.Parameters.Gradients.zero_();
        }

        double limit = options.Health.MaxGradientNorm ?? float.MaxValue;
        string cause = norm > limit
            ? string.Create(CultureInfo.InvariantCulture, $", but its gradient norm is {norm:G3}, above {limit:G3}.")
            : " and within limits: the cause was the weights at that time.";
        return string.Create(CultureInfo.InvariantCulture,
            $"Repeated with the weights of step {state.Step}, all numbers of this step are finite{cause}");
    }

    private string? Fault(ImageBatch batch, Device device, ISampleOrder order)
    {
        using FiniteLayers layers = new(setup.Model.Network);
        TrainingPass pass = new(denoiser, setup.Objective, seeds, state.Objective)
        {
            Observer = layers, IsMeasurement = true, StratifyOver = setup.Options.StratifiedImages,
        };
        long[] positions = batch.Positions.ToArray();
        pass.Backward(batch.Pixels, batch.ConditioningOf(setup.Model, device), positions);
        if (layers.First is { } layer)
        {
            int[] images = [.. layers.Images.Where(image => image < positions.Length)];
            return images.Length == 0
                ? $"{layer} is the first with an output that is not finite."
                : $"{layer} is the first with an output that is not finite, for {Names(images)}.";
        }

        foreach (FlatEntry entry in state.Parameters.Layout.Entries.Where(entry => entry.Group != ParameterGroup.Frozen).Reverse())
        {
            using Tensor gradient = state.Parameters.Gradients.narrow(0, entry.Offset, entry.Length);
            if (!gradient.isfinite().all().Read<bool>())
            {
                return $"All outputs are finite, but the gradient of {entry.Name} is not.";
            }
        }

        return null;

        string Names(int[] images)
        {
            NoiseLevel[] drawn = pass.DrawLevels(positions);
            string named = string.Join("; ", images.Take(NamedImages).Select(image => string.Create(
                CultureInfo.InvariantCulture,
                    $"{setup.Source.NameOf(order.IndexAt(positions[image]))} (sample {positions[image]}, "
                        + $"{(setup.Schedule is DiscreteSchedule ? "timestep" : "time")} {drawn[image].Time})")));
            return images.Length > NamedImages ? $"{named}; and {images.Length - NamedImages} others of {positions.Length}" : named;
        }
    }
}
