namespace Diffusion.Tool.Terminal;

/// <summary>Checks the values of arguments before work starts.</summary>
internal static class ArgumentCheck
{
    /// <summary>Throws one exception with every problem.</summary>
    /// <param name="arguments">The name of each argument, and its value with what is wrong with it; null if nothing is.</param>
    /// <exception cref="ToolUsageException">There is a problem.</exception>
    public static void ThrowIfAny(params (string Name, string? Problem)[] arguments)
    {
        string[] problems = [.. arguments.Where(one => one.Problem is not null).Select(one => $"{one.Name} is {one.Problem}")];
        if (problems.Length > 0)
        {
            throw new ToolUsageException(string.Join(' ', problems));
        }
    }

    /// <summary>What is wrong with a number that has a minimum; null for a large enough one, and for none.</summary>
    public static string? AtLeast(int min, int? value) => value < min ? $"{value}, but must be at least {min}." : null;
}
