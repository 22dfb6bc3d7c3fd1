using System.CommandLine;

namespace CustomModel;

/// <summary>The arguments and options of the command line.</summary>
internal static class CommandLine
{
    /// <summary>Reads the arguments and runs <paramref name="action"/> with them.</summary>
    /// <returns>The exit code: 2 after bad arguments, each of which gets one line.</returns>
    public static int Run(string[] args, Func<Settings, int> action)
    {
        Argument<string> picture = new("out") { Description = "The PNG file to write." };
        Option<int> steps = new("--steps") { Description = "Training steps.", DefaultValueFactory = _ => 1000 };
        Option<string> device = new("--device")
        {
            Description = "best, cpu, cuda, cuda:<number> or mps.",
            DefaultValueFactory = _ => "best",
        };
        Option<long> seed = new("--seed") { Description = "The seed of every random number.", DefaultValueFactory = _ => 0L };
        RootCommand root = new("Trains a custom network on drawn shapes and samples it.") { picture, steps, device, seed };

        ParseResult parsed = root.Parse(args);
        if (parsed.Errors.Count > 0)
        {
            Console.Error.WriteLine(
                $"{string.Join(' ', parsed.Errors.Select(error => error.Message.ReplaceLineEndings(" ")))} See --help.");
            return 2;
        }

        root.SetAction(result => action(new Settings
        {
            Out = result.GetValue(picture)!,
            Steps = result.GetValue(steps),
            Device = result.GetValue(device)!,
            Seed = result.GetValue(seed),
        }));
        return parsed.Invoke(new InvocationConfiguration { EnableDefaultExceptionHandler = false, ProcessTerminationTimeout = null });
    }
}
