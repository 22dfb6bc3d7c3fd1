using System.Globalization;
using System.Runtime.CompilerServices;

namespace Diffusion.Training;

/// <summary>Refuses parameters outside their range.</summary>
internal static class PartRange
{
    /// <summary>A finite number above 0.</summary>
    /// <exception cref="ArgumentOutOfRangeException">It is another.</exception>
    public static double Positive(double value, double usual, [CallerArgumentExpression(nameof(value))] string name = "") =>
        Check(value > 0 && double.IsFinite(value), value, "above 0", usual, name);

    /// <summary>A finite number.</summary>
    /// <exception cref="ArgumentOutOfRangeException">It is another.</exception>
    public static double Finite(double value, double usual, [CallerArgumentExpression(nameof(value))] string name = "") =>
        Check(double.IsFinite(value), value, "a finite number", usual, name);

    /// <summary>A number with a condition.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The condition does not hold.</exception>
    public static double Check(bool holds, double value, string expected, double usual,
        [CallerArgumentExpression(nameof(value))] string name = "") => holds
        ? value
        : throw new ArgumentOutOfRangeException(
            name, string.Create(CultureInfo.InvariantCulture, $"{name} ({value}) must be {expected}. Use {usual}."));
}
