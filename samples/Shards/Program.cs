using Diffusion;
using Shards;

return CommandLine.Run(args, settings =>
{
    try
    {
        return ShardsRun.Execute(settings);
    }
    catch (Exception error) when (error is ImageDataException or ArgumentException or IOException or UnauthorizedAccessException)
    {
        Console.Error.WriteLine($"error: {error.Message.ReplaceLineEndings(" ")}");
        return 1;
    }
});
