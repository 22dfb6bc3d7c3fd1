using System.Globalization;

namespace Diffusion.Benchmarks;

/// <summary>The last lines of a measurement.</summary>
internal static class Verdict
{
    /// <summary>Prints what was measured and whether it meets its target.</summary>
    /// <returns>The exit code: 0 if it does, otherwise 1.</returns>
    public static int Print(string measured, string compared, bool passed)
    {
        Console.WriteLine(measured);
        Console.WriteLine($"{(passed ? "PASS" : "FAIL")}: {compared}.");
        return passed ? 0 : 1;
    }

    /// <summary>Prints what failed and how much was tried. The target is that nothing failed.</summary>
    /// <returns>The exit code: 0 if nothing failed, otherwise 1.</returns>
    public static int Print(string tried, IReadOnlyCollection<string> failures, string what)
    {
        foreach (string failure in failures)
        {
            Console.WriteLine(failure);
        }

        return Print(tried, string.Create(CultureInfo.InvariantCulture, $"{failures.Count} {what}; target: none"), failures.Count == 0);
    }
}
