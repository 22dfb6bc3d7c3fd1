using Diffusion.Tool.Terminal;
using Diffusion.Training;

namespace Diffusion.Tool.RunFiles;

/// <summary>Says which values an option takes.</summary>
internal static class ExpectedValue
{
    /// <summary>The expected values of a type, with the nearest name for an enumeration.</summary>
    /// <param name="type">The type of the option.</param>
    /// <param name="actual">The value that does not fit.</param>
    public static string Of(Type type, string actual)
    {
        Type plain = Nullable.GetUnderlyingType(type) ?? type;
        if (plain.IsEnum)
        {
            string[] names = Enum.GetNames(plain);
            return $"{string.Join(", ", names[..^1])} or {names[^1]}.{NearestName.Question(actual, names)}";
        }

        if (plain.GetElementType() is { IsEnum: true } choice)
        {
            return $"a list of {Of(choice, actual)}";
        }

        return plain == typeof(int) || plain == typeof(long) ? "a whole number."
            : plain == typeof(double) ? "a number."
            : plain == typeof(bool) ? "true or false."
            : plain == typeof(TimeSpan) ? "a time such as 01:30:00."
            : plain == typeof(double[]) ? "a list of numbers."
            : plain == typeof(int[]) ? "a list of whole numbers."
            : plain == typeof(IReadOnlyDictionary<string, int>) ? "names with whole numbers, such as { \"*qkv.weight\": 3 }."
            : plain == typeof(string[]) ? "a list of texts."
            : plain == typeof(ParameterRule[]) ? "a list of rules such as { names: \"*.attentions.*\", rateFactor: 0.1 }; a rule also has "
                + "dimensions, decays and freezes."
            : "text. Put it in quotes.";
    }
}
