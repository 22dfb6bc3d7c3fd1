namespace Diffusion.Sampling;

/// <summary>Problems of the options that samplers share, each with its remedy; empty when there are none.</summary>
internal static class OptionProblems
{
    /// <summary>An order that must lie in a range.</summary>
    public static IEnumerable<string> Order(int order, int max, string name = "Order") =>
        order >= 1 && order <= max ? [] : [$"{name} is {order}, but must lie in 1..{max}. Use {Math.Min(2, max)}."];

    /// <summary>A strength that must lie in [0, 1].</summary>
    public static IEnumerable<string> Eta(double eta) =>
        eta is >= 0 and <= 1 ? [] : [$"Eta is {eta}, but must lie in 0..1. Use 0 for no noise, 1 for as much as DDPM."];

    /// <summary>A number that must be above 0.</summary>
    public static IEnumerable<string> Positive(double value, string name) =>
        value > 0 && double.IsFinite(value) ? [] : [$"{name} is {value}, but must be a number above 0. Use 1."];

    /// <summary>A choice that must be a member of its enumeration.</summary>
    public static IEnumerable<string> Choice<T>(T value, string name)
        where T : struct, Enum =>
        Enum.IsDefined(value) ? [] : [$"{name} is {value}, which is unknown. Use {string.Join(" or ", Enum.GetNames<T>())}."];
}
