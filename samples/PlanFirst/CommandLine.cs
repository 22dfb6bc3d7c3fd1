using System.CommandLine;
using Diffusion;

namespace PlanFirst;

/// <summary>The options of the command line.</summary>
internal static class CommandLine
{
    /// <summary>Reads the arguments and runs <paramref name="action"/> with them.</summary>
    /// <returns>The exit code: 2 after bad arguments, each of which gets one line.</returns>
    public static int Run(string[] args, Func<Settings, int> action)
    {
        Argument<string> images = new(
            "images") { Description = "A folder of images. If it has two or more subfolders with images, each is a class." };
        Option<int> size = new("--size") { Description = "Height and width of the images in pixels.", DefaultValueFactory = _ => 32 };
        Option<int> batch = new("--batch") { Description = "Images per step.", DefaultValueFactory = _ => 64 };
        Option<UNet2DSize> network = new("--network") { Description = "small for a CPU, medium or large for a GPU.",
            DefaultValueFactory = _ => UNet2DSize.Small };
        Option<long?> steps = new(
            "--steps") { Description = "Training steps. Default: what fits into --minutes, or the suggestion for the number of images." };
        Option<double?> minutes = new("--minutes") { Description = "The training time; the plan gives the number of steps." };
        Option<double?> memory = new(
            "--memory") { Description = "The memory for training in GiB. Default: three quarters of the machine's memory." };
        Option<double?> rate = new("--rate") { Description = "The learning rate. Default: the suggestion of the range finder." };
        Option<bool> planOnly = new("--plan-only") { Description = "Estimates the training, stores nothing, and does not train." };
        Option<string> device = new("--device") { Description = "best, cpu, cuda, cuda:<number> or mps.",
            DefaultValueFactory = _ => "best" };
        Option<string?> folder = new("--out") { Description = "The folder of the run. Default: runs/ and the data's name." };
        Option<long> seed = new("--seed") { Description = "The seed of every random number.", DefaultValueFactory = _ => 0L };
        RootCommand root = new(
            "Estimates memory, learning rate, steps and time for training on a folder of images, and then trains. Run it again to resume.")
        {
            images, size, batch, network, steps, minutes, memory, rate, planOnly, device, folder, seed,
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
            Size = result.GetValue(size),
            Batch = result.GetValue(batch),
            NetworkSize = result.GetValue(network),
            Steps = result.GetValue(steps),
            Minutes = result.GetValue(minutes),
            MemoryGiB = result.GetValue(memory),
            Rate = result.GetValue(rate),
            PlanOnly = result.GetValue(planOnly),
            Device = result.GetValue(device)!,
            Out = result.GetValue(folder),
            Seed = result.GetValue(seed),
        }));
        return parsed.Invoke(new InvocationConfiguration { EnableDefaultExceptionHandler = false, ProcessTerminationTimeout = null });
    }
}
