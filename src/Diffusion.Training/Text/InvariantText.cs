using System.Globalization;
using System.Runtime.CompilerServices;

namespace Diffusion.Training;

/// <summary>
/// An interpolated string that formats numbers with the invariant culture. A parameter of this type accepts an interpolated string.
/// </summary>
[InterpolatedStringHandler]
internal ref struct InvariantText(int literalLength, int formattedCount)
{
    private DefaultInterpolatedStringHandler text = new(literalLength, formattedCount, CultureInfo.InvariantCulture);

    public void AppendLiteral(string value) => text.AppendLiteral(value);

    public void AppendFormatted<T>(T value) => text.AppendFormatted(value);

    public void AppendFormatted<T>(T value, string? format) => text.AppendFormatted(value, format);

    /// <summary>Returns the text. Call it once.</summary>
    public override string ToString() => text.ToStringAndClear();
}
