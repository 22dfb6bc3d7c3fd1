using CustomModel;
using Diffusion;
using Diffusion.Training;
using Microsoft.Extensions.Options;

return CommandLine.Run(args, settings =>
{
    try
    {
        using StopSignals signals = new();
        return CustomModelRun.Execute(settings, signals);
    }
    catch (Exception error) when (error is NativeBackendException or OptionsValidationException or TrainingDivergedException
        or InvalidOperationException or ArgumentException or FormatException or IOException or UnauthorizedAccessException)
    {
        Console.Error.WriteLine($"error: {error.Message.ReplaceLineEndings(" ")}");
        return 1;
    }
});
