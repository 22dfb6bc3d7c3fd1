using System.CommandLine;

namespace Shards;

/// <summary>The arguments and options of the command line.</summary>
internal static class CommandLine
{
    /// <summary>Reads the arguments and runs <paramref name="action"/> with them.</summary>
    /// <returns>The exit code: 2 after bad arguments, each of which gets one line.</returns>
    public static int Run(string[] args, Func<Settings, int> action)
    {
        Argument<string> images = new(
            "images") { Description = "A folder of images. If it has two or more subfolders with images, each is a class." };
        Argument<string> folder = new("out") { Description = "The folder of the shards; created if it does not exist." };
        Option<int> samples = new("--samples-per-shard") 
        {
            Description = "The maximum number of samples per shard.", DefaultValueFactory = _ => 1000,
        };
        Option<int?> shuffle = new("--shuffle") { Description = "Shuffles the images with this seed. Default: the order of their paths." };
        RootCommand root = new("Turns a folder of images into WebDataset shards. The files are copied byte for byte.")
        {
            images, folder, samples, shuffle,
        };

        ParseResult parsed = root.Parse(args);
        if (parsed.Errors.Count > 0)
        {
            Console.Error.WriteLine(
                $"{string.Join(' ', parsed.Errors.Select(error => error.Message.ReplaceLineEndings(" ")))} See --help.");
            return 2;
        }

        root.SetAction(result => action(new Settings
        {
            Images = result.GetValue(images)!,
            Out = result.GetValue(folder)!,
            SamplesPerShard = result.GetValue(samples),
            Shuffle = result.GetValue(shuffle),
        }));
        return parsed.Invoke(new InvocationConfiguration { EnableDefaultExceptionHandler = false });
    }
}
