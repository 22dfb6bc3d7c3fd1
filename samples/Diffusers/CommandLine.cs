using System.CommandLine;
using Diffusion;

namespace Diffusers;

/// <summary>The two commands with their arguments and options.</summary>
internal static class CommandLine
{
    /// <summary>Reads the arguments and passes the named command to <paramref name="guard"/>, which runs it.</summary>
    /// <returns>The exit code: 2 after bad arguments, each of which gets one line.</returns>
    public static int Run(string[] args, Func<Func<int>, int> guard)
    {
        RootCommand root = new("Moves models between this library and Python's diffusers.") { Import(guard), Export(guard) };
        ParseResult parsed = root.Parse(args);
        if (parsed.Errors.Count > 0)
        {
            Console.Error.WriteLine(
                $"{string.Join(' ', parsed.Errors.Select(error => error.Message.ReplaceLineEndings(" ")))} See --help.");
            return 2;
        }

        return parsed.Invoke(new InvocationConfiguration { EnableDefaultExceptionHandler = false });
    }

    private static Command Import(Func<Func<int>, int> guard)
    {
        Argument<string> folder = new("folder") { Description = "The folder of a diffusers pipeline." };
        Argument<string> picture = new("out") { Description = "The PNG file to write." };
        Option<int> count = new("--count") { Description = "The number of images.", DefaultValueFactory = _ => 16 };
        Option<int?> steps = new("--steps") { Description = "The number of steps. Default: all timesteps for DDPM, otherwise 50." };
        Option<string?> sampler = new("--sampler")
        {
            Description = "The class of another scheduler, such as DPMSolverMultistepScheduler. Default: the scheduler in the folder.",
        };
        sampler.AcceptOnlyFromAmong([.. DiffusersScheduler.SupportedClasses]);
        Option<string> device = new("--device") { Description = "best, cpu, cuda, cuda:<number> or mps.",
            DefaultValueFactory = _ => "best" };
        Option<long> seed = new("--seed") { Description = "The seed of the noise.", DefaultValueFactory = _ => 0L };
        Command command = new("import", "Samples a grid of images from a diffusers folder.") { folder, picture, count, steps, sampler,
            device, seed };
        command.SetAction(result => guard(() => ImportRun.Execute(new ImportSettings
        {
            Folder = result.GetValue(folder)!,
            Out = result.GetValue(picture)!,
            Count = result.GetValue(count),
            Steps = result.GetValue(steps),
            Sampler = result.GetValue(sampler),
            Device = result.GetValue(device)!,
            Seed = result.GetValue(seed),
        })));
        return command;
    }

    private static Command Export(Func<Func<int>, int> guard)
    {
        Argument<string> run = new("run") { Description = "The folder of a training run, which contains the folder checkpoints." };
        Argument<string> folder = new("out") { Description = "The folder of the diffusers pipeline to write." };
        Option<StoredWeightsKind> weights = new("--weights")
        {
            Description = "ema, the averaged weights, or raw, the network's raw weights.", DefaultValueFactory = _ => StoredWeightsKind.Ema,
        };
        Option<bool> overwrite = new("--overwrite") { Description = "Replaces an existing pipeline." };
        Command command = new("export", "Writes the newest checkpoint of a run as a diffusers folder.") { run, folder, weights,
            overwrite };
        command.SetAction(result => guard(() =>
            ExportRun.Execute(result.GetValue(run)!, result.GetValue(folder)!, result.GetValue(weights), result.GetValue(overwrite))));
        return command;
    }
}
