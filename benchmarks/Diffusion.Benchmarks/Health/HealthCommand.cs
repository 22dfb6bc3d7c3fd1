using System.CommandLine;
using System.Globalization;
using Diffusion.TestKit;

namespace Diffusion.Benchmarks;

/// <summary><c>health</c>: runs with and without a known mistake, and the findings that the library reports.</summary>
internal static class HealthCommand
{
    public static Command Create()
    {
        Option<string?> only = new("--only") { Description = "Runs only the runs whose name contains this text; default all." };
        Option<double> minutes = new("--minutes") { Description = "How long a web application loads and drops networks during training.",
            DefaultValueFactory = _ => 10 };
        Command command = new("health",
            "Trains small networks with and without mistakes, and checks the findings. Uses real images if DIFFUSION_DATA is set to "
                + "their folder.") { only, minutes };
        command.SetAction(arguments => Run(arguments.GetValue(only) ?? string.Empty, TimeSpan.FromMinutes(arguments.GetValue(minutes))));
        return command;
    }

    private static int Run(string only, TimeSpan webApplication)
    {
        TorchBackend.EnsureLoaded();
        string? data = Environment.GetEnvironmentVariable("DIFFUSION_DATA");
        IReadOnlyList<ScriptedRun> healthy = HealthyRuns.All(data);
        List<string> wrong = [];
        Console.WriteLine("| run | finding | at step | message |");
        Console.WriteLine("| --- | --- | --- | --- |");
        int runs = 0;
        foreach (ScriptedRun run in SickRuns.All.Concat(healthy).Append(HealthyRuns.WithWebApplication(webApplication))
            .Where(run => run.Name.Contains(only, StringComparison.Ordinal)))
        {
            IReadOnlyList<ScriptedSaying> said = run.Run();
            runs++;
            if (!run.IsRight(said))
            {
                wrong.Add(run.Expected.Length == 0
                    ? $"{run.Name}: there is no mistake in this run."
                    : $"{run.Name}: expected {string.Join(" or ", run.Expected)}, '{run.Says}'.");
            }

            foreach (ScriptedSaying saying in said.DefaultIfEmpty(new ScriptedSaying("nothing", null, string.Empty)))
            {
                Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
                    $"| {run.Name} | {saying.What} | {saying.Step} | {saying.Text.ReplaceLineEndings(" ")} |"));
            }
        }

        return Verdict.Print(string.Create(CultureInfo.InvariantCulture,
            $"{runs} runs{(data is null ? "; real images skipped, as DIFFUSION_DATA is not set" : string.Empty)}"), wrong,
                "diagnosed wrongly");
    }
}
