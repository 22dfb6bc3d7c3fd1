using System.CommandLine;
using Diffusion.TestKit;
using Diffusion.Training;

namespace Diffusion.Benchmarks;

/// <summary><c>save-samples</c>: saves small checkpoints and says after each that it is saved: what <c>faults</c> stops and disturbs.</summary>
internal static class SaveSamplesCommand
{
    /// <summary>The exit code of a save that failed as it should.</summary>
    public const int Refused = 3;

    /// <summary>The steps that are saved, one after the other; two of them are kept, and one is saved twice.</summary>
    private static readonly long[] Steps = [1, 2, 3, 3, 4];

    public static Command Create()
    {
        Argument<string> folder = new("folder") { Description = "Where." };
        Option<int> rounds = new("--rounds") { Description = "Saves so many instead of the five.", DefaultValueFactory = _ => 0 };
        Command command = new("save-samples", "Saves small checkpoints, for faults.") { folder, rounds };
        command.Hidden = true;
        command.SetAction(arguments => Run(arguments.GetRequiredValue(folder), arguments.GetValue(rounds)));
        return command;
    }

    private static int Run(string folder, int rounds)
    {
        TorchBackend.EnsureLoaded();
        using CheckpointStore store = new(folder);
        try
        {
            foreach (long step in rounds == 0 ? Steps : Enumerable.Range(1, rounds).Select(round => (long)round))
            {
                using SampleCheckpoint checkpoint = new(step);
                store.Save(checkpoint.Value);
                Console.WriteLine($"saved {step}");
            }

            return 0;
        }
        catch (CheckpointException problem)
        {
            Console.WriteLine($"refused {problem.Message}");
            return Refused;
        }
    }
}
