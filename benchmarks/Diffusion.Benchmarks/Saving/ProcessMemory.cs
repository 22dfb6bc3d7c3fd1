using System.Globalization;

namespace Diffusion.Benchmarks;

/// <summary>The memory of this process as Linux counts it.</summary>
internal static class ProcessMemory
{
    /// <summary>The current resident memory in bytes.</summary>
    public static long Now() => Read("VmRSS:");

    /// <summary>The peak resident memory since <see cref="ForgetPeak"/>, in bytes.</summary>
    public static long Peak() => Read("VmHWM:");

    /// <summary>Resets the peak.</summary>
    public static void ForgetPeak() => File.WriteAllText("/proc/self/clear_refs", "5");

    private static long Read(string name)
    {
        string line = File.ReadLines("/proc/self/status").Single(line => line.StartsWith(name, StringComparison.Ordinal));
        return 1024 * long.Parse(line[name.Length..].Replace("kB", string.Empty, StringComparison.Ordinal), CultureInfo.InvariantCulture);
    }
}
