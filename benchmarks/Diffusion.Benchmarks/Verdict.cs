namespace Diffusion.Benchmarks;

/// <summary>The last lines of a measurement.</summary>
internal static class Verdict
{
    /// <summary>Prints what was measured and whether it meets its bar.</summary>
    /// <returns>The exit code: 0 when it does, 1 when not.</returns>
    public static int Print(string measured, string compared, bool passed)
    {
        Console.WriteLine(measured);
        Console.WriteLine($"{(passed ? "PASS" : "FAIL")}: {compared}.");
        return passed ? 0 : 1;
    }
}
