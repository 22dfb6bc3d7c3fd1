using System.CommandLine;
using Diffusion;

namespace Quickstart;

/// <summary>The options of the command line.</summary>
internal static class CommandLine
{
    /// <summary>Reads the arguments and runs <paramref name="action"/> with them.</summary>
    /// <returns>The exit code: 2 after bad arguments, each of which gets one line.</returns>
    public static int Run(string[] args, Func<Settings, int> action)
    {
        Option<string?> data = new(
            "--data") { Description =
                "A folder of images, or of IDX files (MNIST's format). Default: shapes that the program draws." };
        Option<int?> size = new(
            "--size") { Description = "Height and width of the images in pixels. Default: 32, or the size of the IDX images." };
        Option<int> steps = new("--steps") { Description = "Training steps.", DefaultValueFactory = _ => 1200 };
        Option<int> batch = new("--batch") { Description = "Images per step.", DefaultValueFactory = _ => 32 };
        Option<string> device = new("--device") { Description = "best, cpu, cuda, cuda:<number> or mps.",
            DefaultValueFactory = _ => "best" };
        Option<Precision> precision = new("--precision")
        {
            Description = "Float32, TensorFloat32, BFloat16, Float16, or Best for the fastest.", DefaultValueFactory = _ => Precision.Best,
        };
        Option<string?> folder = new("--out") { Description = "The folder of the run. Default: runs/ and the data's name." };
        Option<long> seed = new("--seed") { Description = "The seed of every random number.", DefaultValueFactory = _ => 0L };
        RootCommand root = new("Trains a small diffusion model on images and samples from it. Run it again to resume.")
        {
            data, size, steps, batch, device, precision, folder, seed,
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
            Data = result.GetValue(data),
            Size = result.GetValue(size),
            Steps = result.GetValue(steps),
            Batch = result.GetValue(batch),
            Device = result.GetValue(device)!,
            Precision = result.GetValue(precision),
            Out = result.GetValue(folder),
            Seed = result.GetValue(seed),
        }));
        return parsed.Invoke(new InvocationConfiguration { EnableDefaultExceptionHandler = false, ProcessTerminationTimeout = null });
    }
}
