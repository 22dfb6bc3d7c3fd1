namespace Diffusion.Benchmarks;

/// <summary>The command line that starts this program again, whether dotnet runs it or it runs by itself.</summary>
internal static class OwnProgram
{
    /// <summary>The program, followed by arguments.</summary>
    public static string[] Command(params IEnumerable<string> arguments)
    {
        string host = Environment.ProcessPath!;
        return
        [
            host,
            .. Path.GetFileNameWithoutExtension(host) == "dotnet" ? [typeof(OwnProgram).Assembly.Location] : Array.Empty<string>(),
            .. arguments,
        ];
    }
}
