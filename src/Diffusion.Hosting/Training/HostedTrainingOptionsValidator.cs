using Diffusion.Training;
using Microsoft.Extensions.Options;

namespace Diffusion.Hosting;

/// <summary>Finds every invalid value when the host starts. Each message says what, actual, expected, remedy.</summary>
/// <param name="builder">The code that completes the options.</param>
internal sealed class HostedTrainingOptionsValidator(HostedTrainingBuilder builder) : IValidateOptions<HostedTrainingOptions>
{
    private readonly TrainingOptionsValidator training = new();

    public ValidateOptionsResult Validate(string? name, HostedTrainingOptions options)
    {
        if (name != builder.Name)
        {
            return ValidateOptionsResult.Skip;
        }

        string[] problems = [.. Problems(options).Select(problem => $"Training '{name}': {problem}")];
        return problems.Length == 0 ? ValidateOptionsResult.Success : ValidateOptionsResult.Fail(problems);
    }

    private IEnumerable<string> Problems(HostedTrainingOptions options)
    {
        if (builder.Data is null && string.IsNullOrWhiteSpace(options.Images))
        {
            yield return "Images is not set, but must name the folder of the images. Set it, or call UseData.";
        }

        if (options.ImageSize < 1)
        {
            yield return $"ImageSize ({options.ImageSize}) must be at least 1. Use 32.";
        }

        if (!Enum.IsDefined(options.Network))
        {
            yield return $"Network ({options.Network}) must be one of {string.Join(", ", Enum.GetNames<UNet2DSize>())}. Use Small.";
        }

        if (DeviceProblem(options.Device) is { } device)
        {
            yield return $"Device: {device}";
        }

        if (options.Training is null)
        {
            yield return "Training (null) must have a value. Leave it out for its defaults.";
            yield break;
        }

        if (string.IsNullOrWhiteSpace(options.Training.RunFolder))
        {
            yield return "Training:RunFolder is not set, but a hosted run must be saved to resume. Set it, for example to runs/photos.";
        }

        foreach (string problem in training.Validate(name: null, options.Training).Failures ?? [])
        {
            yield return $"Training:{problem}";
        }
    }

    private static string? DeviceProblem(string? device)
    {
        try
        {
            ComputeDevice.Parse(device!);
            return null;
        }
        catch (Exception problem) when (problem is FormatException or ArgumentException or InvalidOperationException)
        {
            return problem.Message;
        }
    }
}
