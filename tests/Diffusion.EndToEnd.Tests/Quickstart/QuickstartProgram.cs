namespace Diffusion.EndToEnd.Tests.Quickstart;

/// <summary>Runs the built quickstart in a separate process.</summary>
internal static class QuickstartProgram
{
    private static readonly string Assembly = Path.Combine(
        BuildFacts.Repository, "samples", "Quickstart", "bin", BuildFacts.Configuration, "net10.0", "Quickstart.dll");

    /// <summary>Runs it to its end.</summary>
    public static Task<ChildProcess.Result> Run(params string[] arguments) => ChildProcess.Dotnet(["exec", Assembly, .. arguments]);

    /// <summary>Runs it until it prints a line that contains <paramref name="sign"/>, then presses Ctrl+C.</summary>
    /// <returns>The exit code and the output.</returns>
    public static Task<(int ExitCode, string Output)> Interrupt(string sign, params string[] arguments) =>
        ChildProcess.Interrupt(sign, "dotnet", ["exec", Assembly, .. arguments]);

    /// <summary>Runs it until it prints a line that contains <paramref name="sign"/>, then sends it a signal.</summary>
    /// <returns>The exit code and the output.</returns>
    public static Task<(int ExitCode, string Output)> Signal(string sign, string signal, params string[] arguments) =>
        ChildProcess.Signal([(sign, signal)], "dotnet", ["exec", Assembly, .. arguments]);
}
