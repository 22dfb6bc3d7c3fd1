using Diffusers;
using Diffusion;

return CommandLine.Run(args, run =>
{
    try
    {
        return run();
    }
    catch (Exception error) when (error is NativeBackendException or CheckpointException or InvalidOperationException or ArgumentException
        or FormatException or IOException or UnauthorizedAccessException)
    {
        Console.Error.WriteLine($"error: {error.Message.ReplaceLineEndings(" ")}");
        return 1;
    }
});
