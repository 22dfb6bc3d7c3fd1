using System.CommandLine;

namespace Diffusion.Benchmarks;

/// <summary><c>faults</c>: interrupts or disturbs saving in every way that the system can, and checks what is left.</summary>
internal static class FaultsCommand
{
    private const string Short = "SHORT";
    private static readonly string[] Kinds = [FaultSweep.Kill, "ENOSPC", "EIO", "EDQUOT", "EROFS", "EACCES", Short];

    public static Command Create()
    {
        Option<string[]> kinds = new("--kinds") { Description = "KILL, system errors, or SHORT for writes cut short; default all.",
            DefaultValueFactory = _ => Kinds, AllowMultipleArgumentsPerToken = true };
        kinds.AcceptOnlyFromAmong(Kinds);
        Option<bool> background = new("--background") { Description = "The program saves on a background thread, as the trainer does." };
        Option<int> every = new("--every") { Description = "Uses only every Nth point.", DefaultValueFactory = _ => 1 };
        Option<int> random = new("--random") 
        {
            Description = "Kills the program at this many random moments instead.", DefaultValueFactory = _ => 0,
        };
        Option<bool> fullDisk = new("--full-disk") { Description = "Uses disks of every size instead; needs root." };
        Command command = new("faults",
            "Kills a program that saves, or lets a system call fail, at every call that changes a file.") { kinds, background, every,
                random, fullDisk };
        command.SetAction(arguments =>
        {
            bool isBackground = arguments.GetValue(background);
            return arguments.GetValue(random) is > 0 and int moments ? RandomKills.Run(moments, isBackground)
                : arguments.GetValue(fullDisk) ? FullDisk.Run(isBackground)
                : Run(arguments.GetRequiredValue(kinds), isBackground, arguments.GetValue(every));
        });
        return command;
    }

    private static int Run(IReadOnlyCollection<string> kinds, bool background, int every)
    {
        string[] ofCalls = [.. kinds.Where(kind => kind != Short)];
        int worst = ofCalls.Length > 0 ? FaultSweep.Run(ofCalls, background, every) : 0;
        return kinds.Contains(Short) ? Math.Max(worst, ShortWrites.Run(background, every)) : worst;
    }
}
