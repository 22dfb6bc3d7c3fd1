using System.CommandLine;
using Diffusion.Tool.Sampling;
using Diffusion.Tool.Terminal;
using Diffusion.Training;
using static TorchSharp.torch;

namespace Diffusion.Tool.Commands;

/// <summary><c>diffusion sample</c>: samples images from a trained model.</summary>
internal static class SampleCommand
{
    public static Command Create(ToolTerminal terminal)
    {
        Argument<string> folder = new("run") { Description = "A run folder, a checkpoint or a folder of diffusers." };
        Option<int> count = new("--count") { Description = "The number of images.", DefaultValueFactory = _ => 16 };
        Option<long?> label = new("--class") { Description = "The class of all images. Default: the classes in turn." };
        Option<double> guidance = new("--guidance")
        {
            Description = "The scale of classifier-free guidance; 1 for none.", DefaultValueFactory = _ => 1,
        };
        Option<string?> sampler = new("--sampler")
        {
            Description = $"{string.Join(", ", SamplerNames.All)}. Default: ddim, or the scheduler in a folder of diffusers.",
        };
        Option<int?> steps = new("--steps") { Description = "The steps of the sampler. Default: its usual number." };
        Option<long> seed = new("--seed") { Description = "The seed of the noise.", DefaultValueFactory = _ => 0L };
        Option<string?> ema = new("--ema") { Description = "The average to use, or none for the raw weights. Default: the first average." };
        Option<string> device = new("--device")
        {
            Description = "best, cpu, cuda, cuda:<number> or mps.", DefaultValueFactory = _ => "best",
        };
        Option<Precision> precision = new("--precision")
        {
            Description = "What the network computes in: float32, bfloat16 or float16.", DefaultValueFactory = _ => Precision.Float32,
        };
        Option<string> path = new("--out")
        {
            Description = "A PNG file for a grid; any other name is a folder for one file per image.",
            DefaultValueFactory = _ => "samples.png",
        };
        Command command = new("sample", "Samples images from a trained model.")
        {
            folder, count, label, guidance, sampler, steps, seed, ema, device, precision, path,
        };
        command.SetAction(result => CommandGuard.RunUntilStopped(terminal, signals =>
        {
            ArgumentCheck.ThrowIfAny(
                ("--count", ArgumentCheck.AtLeast(1, result.GetValue(count))),
                ("--guidance", GuidanceScale.Problem(result.GetValue(guidance))),
                ("--steps", ArgumentCheck.AtLeast(1, result.GetValue(steps))),
                ("--device", DeviceNames.Problem(result.GetValue(device)!)));
            string source = result.GetValue(folder)!;
            RequestedImages requested = new()
            {
                Count = result.GetValue(count),
                Class = result.GetValue(label),
                Guidance = result.GetValue(guidance),
                Sampler = FolderSampler.Of(source, result.GetValue(sampler), result.GetValue(steps)),
                Seed = result.GetValue(seed),
            };
            return Execute(() => Open(source, result.GetValue(ema), result.GetValue(device)!, result.GetValue(precision)), requested,
                result.GetValue(path)!, terminal, signals);
        }));
        return command;
    }

    private static TrainedModel Open(string folder, string? ema, string device, Precision precision)
    {
        ComputeDevice used = ComputeDevice.Parse(device);
        return precision == Precision.Float32 || (precision is Precision.BFloat16 or Precision.Float16 && used.Supports(precision))
            ? TrainedModel.Open(folder, ema, device: used, precision: precision)
            : throw new ToolUsageException(
                $"--precision is {precision}, but must be float32, or bfloat16 or float16 where {used} supports it. Leave it out for "
                    + "float32.");
    }

    private static int Execute(Func<TrainedModel> open, RequestedImages requested, string path, ToolTerminal terminal, StopSignals signals)
    {
        using TrainedModel model = open();
        foreach (string skipped in model.Skipped)
        {
            terminal.Line($"Skipped: {skipped}");
        }

        int? classes = model.ImageClassCount;
        ArgumentCheck.ThrowIfAny(
            ("--class", ClassProblem(requested.Class, classes)), ("--guidance", GuidanceProblem(requested.Guidance, model)));
        using Tensor images = (requested with { Classes = classes }).Sample(model.Denoiser, new SamplingTenths(terminal), signals.Token);
        ImageFiles.Save(images, path);
        terminal.Line($"{requested.Count} images in {path}");
        return ExitCode.Success;
    }

    private static string? ClassProblem(long? label, int? classes) => label is null || (label >= 0 && label < classes) ? null
        : classes is null ? $"{label}, but the model has no classes. Leave it out."
        : $"{label}, but the model's classes are 0..{classes - 1}.";

    private static string? GuidanceProblem(double scale, TrainedModel model) =>
        scale == GuidanceScale.None || model.IsTrainedForGuidance ? null
        : model.ImageClassCount is null ? $"{GuidanceScale.Text(scale)}, but the model has no classes. Leave it out."
        : $"{GuidanceScale.Text(scale)}, but the model was trained without label dropout: none of its classes means \"no class\". Leave it "
            + "out, or train with training.objective.labelDropout 0.1.";
}
