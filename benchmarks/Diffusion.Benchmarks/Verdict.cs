using System.Globalization;

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

    /// <summary>Prints what failed, how much was tried, and whether nothing failed, which is the bar.</summary>
    /// <returns>The exit code: 0 when nothing failed, 1 when something did.</returns>
    public static int Print(string tried, IReadOnlyCollection<string> failures, string what)
    {
        foreach (string failure in failures)
        {
            Console.WriteLine(failure);
        }

        return Print(tried, string.Create(CultureInfo.InvariantCulture, $"{failures.Count} {what}; bar: none"), failures.Count == 0);
    }
}
