using System.CommandLine;

namespace Diffusion.Benchmarks;

/// <summary><c>faults</c>: stops or disturbs saving in every way that the system can, and looks what is left.</summary>
internal static class FaultsCommand
{
    private static readonly string[] Kinds = [FaultSweep.Kill, "ENOSPC", "EIO", "EDQUOT", "EROFS", "EACCES"];

    public static Command Create()
    {
        Option<string[]> kinds = new("--kinds") { Description = "KILL, or errors of the system; default all.", DefaultValueFactory = _ => Kinds, AllowMultipleArgumentsPerToken = true };
        kinds.AcceptOnlyFromAmong(Kinds);
        Option<bool> background = new("--background") { Description = "The program saves on a thread of its own, as the trainer does." };
        Option<int> every = new("--every") { Description = "Takes only every so manieth of the calls.", DefaultValueFactory = _ => 1 };
        Option<int> random = new("--random") { Description = "Kills it at so many random moments instead.", DefaultValueFactory = _ => 0 };
        Command command = new("faults", "Kills a program that saves, or makes the system refuse it, at every call that changes a file.") { kinds, background, every, random };
        command.SetAction(arguments => arguments.GetValue(random) is > 0 and int moments
            ? RandomKills.Run(moments, arguments.GetValue(background))
            : FaultSweep.Run(arguments.GetRequiredValue(kinds), arguments.GetValue(background), arguments.GetValue(every)));
        return command;
    }
}
