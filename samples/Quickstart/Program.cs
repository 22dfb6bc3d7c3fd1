using Diffusion;
using Diffusion.Training;
using Microsoft.Extensions.Options;
using Quickstart;

return CommandLine.Run(args, settings =>
{
    try
    {
        using StopSignals signals = new();
        return QuickstartRun.Execute(settings, signals);
    }
    catch (Exception error) when (error is NativeBackendException or ImageDataException or CheckpointException or OptionsValidationException
        or TrainingDivergedException or InvalidOperationException or ArgumentException or FormatException
            or IOException or UnauthorizedAccessException)
    {
        Console.Error.WriteLine($"error: {error.Message.ReplaceLineEndings(" ")}");
        return 1;
    }
});
