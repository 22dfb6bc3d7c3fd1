using System.Globalization;

namespace Diffusion.Tool.Terminal;

/// <summary>The names of devices that users type, checked before anything is opened.</summary>
internal static class DeviceNames
{
    /// <summary>The best device of the machine.</summary>
    public const string Best = "best";

    private const string NumberedCuda = "cuda:";

    private static readonly string[] Names = [Best, "cpu", "cuda", "mps"];

    /// <summary>Whether a name is <see cref="Best"/>.</summary>
    public static bool IsBest(string name) => Plain(name) == Best;

    /// <summary>What is wrong with a name, with the remedy; null for one that <see cref="ComputeDevice.Parse"/> knows.</summary>
    public static string? Problem(string name) => IsKnown(Plain(name))
        ? null
        : $"{name}, but must be best, cpu, cuda, cuda:<number> or mps.{NearestName.Question(Plain(name), Names)}";

    private static bool IsKnown(string name) => Names.Contains(name, StringComparer.Ordinal)
        || (name.StartsWith(NumberedCuda, StringComparison.Ordinal)
            && int.TryParse(name.AsSpan(NumberedCuda.Length), NumberStyles.None, CultureInfo.InvariantCulture, out _));

    private static string Plain(string name) => name.Trim().ToLowerInvariant();
}
