using System.CommandLine;
using Diffusion.TestKit;
using Diffusion.Training;

namespace Diffusion.Benchmarks;

/// <summary>
/// <c>save-samples</c>: saves small checkpoints and reports each as saved; <c>faults</c> kills and disturbs it.
/// </summary>
internal static class SaveSamplesCommand
{
    /// <summary>The exit code of a save that failed with the documented error.</summary>
    public const int Refused = 3;

    /// <summary>The steps that are saved in turn. Two checkpoints are kept, and one step is saved twice.</summary>
    public static readonly IReadOnlyList<long> Steps = [1, 2, 3, 3, 4];

    // With this size some files are shorter than the manifest, but none is very short.
    private const int Elements = 384;

    public static Command Create()
    {
        Argument<string> folder = new("folder") { Description = "The folder." };
        Option<long[]> steps = new("--steps") { Description = "The steps to save.", DefaultValueFactory = _ => [.. Steps],
            AllowMultipleArgumentsPerToken = true };
        Option<bool> background = new("--background") { Description = "Saves on a background thread, as the trainer does." };
        Command command = new("save-samples", "Saves small checkpoints, for faults.") { folder, steps, background };
        command.Hidden = true;
        command.SetAction(arguments => Run(arguments.GetRequiredValue(folder), arguments.GetRequiredValue(steps),
            arguments.GetValue(background)));
        return command;
    }

    private static int Run(string folder, IReadOnlyList<long> steps, bool background)
    {
        TorchBackend.EnsureLoaded();
        using CheckpointStore store = new(folder);
        try
        {
            if (background)
            {
                SaveInBackground(store, steps);
            }
            else
            {
                Save(store, steps);
            }

            return 0;
        }
        catch (CheckpointException problem)
        {
            Console.WriteLine($"refused {problem.Message}");
            return Refused;
        }
    }

    private static void Save(CheckpointStore store, IReadOnlyList<long> steps)
    {
        foreach (long step in steps)
        {
            using SampleCheckpoint checkpoint = Sample(step);
            store.Save(checkpoint.Value);
            Say(step);
        }
    }

    private static void SaveInBackground(CheckpointStore store, IReadOnlyList<long> steps)
    {
        using BackgroundSaver saver = new(store);
        long before = 0;
        foreach (long step in steps)
        {
            using SampleCheckpoint checkpoint = Sample(step);
            if (saver.Begin(checkpoint.Value) is not null)
            {
                Say(before);
            }

            before = step;
        }

        saver.Finish();
        Say(before);
    }

    private static SampleCheckpoint Sample(long step) => new(step, Elements);

    private static void Say(long step) => Console.WriteLine($"saved {step}");
}
