using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using Diffusion.TestKit;
using Diffusion.Training;

namespace Diffusion.Benchmarks;

/// <summary>
/// <c>rank-trial</c>: the training run of a trial of <c>rank-failures</c>. It launches itself as the processes of the run.
/// </summary>
internal static class RankTrialCommand
{
    public const int Steps = 30;
    public const int BatchSize = 12;
    public const string RunFolder = "run";
    private const string Name = "rank-trial";
    private const string First = "first";

    // Notes the exit code of a process, and ends as the process has ended.
    private const string Noting = """
        folder=$1; shift; trap : TERM; start=first; [ -e "$folder/failed" ] && start=second
        "$@" --start $start; code=$?
        echo $code > "$folder/$start.$OMPI_COMM_WORLD_RANK.exit"
        [ $code -gt 128 ] && kill -$((code - 128)) $$
        exit $code
        """;

    public static Command Create()
    {
        Argument<string> folder = new("folder") { Description = "The folder of the trial." };
        Argument<int> processes = new("processes") { Description = "The number of processes." };
        Argument<string> kind = new("kind") { Description = "What goes wrong." };
        Argument<int> rank = new("rank") { Description = "Where it goes wrong." };
        Argument<long> read = new("read") { Description = "The image at which it goes wrong." };
        Argument<int> delay = new("delay") { Description = "The milliseconds until a signal comes." };
        Option<string?> start = new("--start") { Description = "In a process of the run: whether it starts for the first or second time." };
        Command command = new(Name, "Trains, for rank-failures.") { folder, processes, kind, rank, read, delay, start };
        command.Hidden = true;
        command.SetAction(arguments =>
        {
            RankFault fault = new(
                arguments.GetRequiredValue(kind), arguments.GetValue(rank), arguments.GetValue(read), arguments.GetValue(delay));
            string place = arguments.GetRequiredValue(folder);
            return arguments.GetValue(start) is { } which
                ? Train(place, fault, which)
                : Launch(place, arguments.GetValue(processes), fault);
        });
        return command;
    }

    /// <summary>The program of a trial, to start.</summary>
    public static IReadOnlyList<string> CommandLine(string folder, int processes, RankFault fault) =>
        OwnProgram.Command(
            Name, folder, Text(processes), fault.Kind, Text(fault.Rank), Text(fault.Read), Text(fault.Delay));

    /// <summary>The file with the process id of a rank of the first start.</summary>
    public static string ProcessFile(string folder, int rank) => Path.Combine(folder, $"{First}.{Text(rank)}.pid");

    /// <summary>The file with the exit code of a rank of the first start.</summary>
    public static string ExitCodeFile(string folder, int rank) => Path.Combine(folder, $"{First}.{Text(rank)}.exit");

    private static int Launch(string folder, int processes, RankFault fault) => ProcessLauncher.Run(new ProcessLaunchOptions
    {
        Processes = processes,
        Command = ["sh", "-c", Noting, "sh", folder, .. CommandLine(folder, processes, fault)],
        MaxRestarts = 1,
    });

    private static int Train(string folder, RankFault fault, string start)
    {
        int rank = ProcessPlace.Read().Rank;
        File.WriteAllText(Path.Combine(folder, $"{start}.{Text(rank)}.pid"), Text(Environment.ProcessId));
        ComputeDevice device = ComputeDevice.Cpu(threads: 1);
        using IProcessGroup group = ProcessGroups.Create(device);
        long reads = start == First && rank == fault.Rank && fault.Kind != RankFault.None ? 0 : long.MinValue;
        using TinyModel model = new();
        using StripedImages stripes = new(count: 12);
        using WatchedImages images = new(stripes, _ =>
        {
            if (++reads == fault.Read)
            {
                fault.Strike(folder, group);
            }
        });
        using Trainer trainer = Trainer.For(model)
            .UseDevice(device)
            .UseData(images)
            .UseDistributed(group)
            .UseCheckpoints(Path.Combine(folder, RunFolder))
            .Configure(o =>
            {
                (o.Steps, o.BatchSize, o.MicroBatchSize, o.CheckpointEverySteps) = (Steps, BatchSize, BatchSize / group.WorldSize, 5);
                o.Loading = o.Loading with { Workers = 0 }; // images are read between the operations of a step
            })
            .Build();
        trainer.Run();
        return 0;
    }

    private static string Text(long number) => number.ToString(CultureInfo.InvariantCulture);
}
