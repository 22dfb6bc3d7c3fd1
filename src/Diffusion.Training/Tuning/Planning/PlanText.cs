using System.Globalization;
using System.Text;

namespace Diffusion.Training;

/// <summary>A plan as text.</summary>
internal static class PlanText
{
    public static string Report(TrainingPlan plan)
    {
        StepCalibration measured = plan.Calibration;
        int passes = plan.ImagesPerProcess / plan.MicroBatchSize;
        StringBuilder text = new();
        Line("images",
            Text($"{plan.Images:N0} of {plan.Shape}") + (plan.HeldOutImages > 0
                ? Text($", {plan.HeldOutImages:N0} held out")
                : string.Empty));
        Line("network", Text($"{plan.ParameterCount:N0} parameters"));
        Line("batch", Text($"{plan.BatchSize}")
            + (plan.Processes > 1 ? Text($", {plan.ImagesPerProcess} in each of {plan.Processes} processes") : string.Empty)
            + (passes > 1 ? Text($", in {passes} passes of {plan.MicroBatchSize}") : string.Empty));
        Line("learning rate", LrRangeText.Rate(plan.LearningRate));
        Line("speed",
            Text($"{TimeText.Of(measured.StepTime)} per step, "
                + $"{plan.BatchSize / Math.Max(1e-9, measured.StepTime.TotalSeconds):N1} images/s, "
                + $"measured over {measured.Steps} steps on {measured.Device} ({measured.CpuThreads} CPU threads)"));
        if (plan.Processes > 1)
        {
            Line("communication",
                Text($"{TimeText.Of(plan.CommunicationTime)} to send what a step sends, measured alone; the step time contains what is not "
                    + $"hidden behind the backward pass"));
        }

        if (plan.Memory is { } memory)
        {
            Line("memory", memory.ToString() + (plan.Processes > 1 ? ", in rank 0" : string.Empty));
        }

        Line("this run",
            Text($"{plan.Steps:N0} steps, {plan.ImagesSeen:N0} images, {plan.Epochs:N1} epochs: {TimeText.Of(plan.Duration)}"));
        Line("suggested",
            Text($"{plan.Suggested.Steps:N0} steps: {TimeText.Of(plan.SuggestedDuration)} here")
                + (plan.Suggested.OneV100 is { } days ? $", about {TimeText.Of(days)} on one V100 with a usual network" : string.Empty));
        Line(string.Empty, plan.Suggested.Reason);
        Line("first samples", Text($"recognizable from about step {plan.FirstSamplesStep:N0}: {TimeText.Of(plan.FirstSamplesAfter)}"));
        Line("sampling", Text($"{plan.SampledImages} images in {plan.SamplerSteps} steps: {TimeText.Of(plan.SamplingTime)}"));
        if (plan.MaxCheckpoints > 0)
        {
            Line("checkpoints",
                Text($"{MemoryEstimate.Mebibytes(plan.CheckpointBytes)} each, at most {plan.MaxCheckpoints} at a time: "
                    + $"{MemoryEstimate.Mebibytes(plan.CheckpointSpace)}"));
        }

        foreach (string note in plan.Notes)
        {
            Line("note", note);
        }

        return text.ToString();

        void Line(string name, string value) => text.Append(CultureInfo.InvariantCulture, $"{name,-14} {value}\n");
    }

    private static string Text(InvariantText text) => text.ToString();
}
