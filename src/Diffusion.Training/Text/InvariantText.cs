using System.Globalization;
using System.Runtime.CompilerServices;

namespace Diffusion.Training;

/// <summary>Text with numbers in it, written alike in every culture. A parameter of this type takes an interpolated string.</summary>
[InterpolatedStringHandler]
internal ref struct InvariantText(int literalLength, int formattedCount)
{
    private DefaultInterpolatedStringHandler text = new(literalLength, formattedCount, CultureInfo.InvariantCulture);

    public void AppendLiteral(string value) => text.AppendLiteral(value);

    public void AppendFormatted<T>(T value) => text.AppendFormatted(value);

    public void AppendFormatted<T>(T value, string? format) => text.AppendFormatted(value, format);

    /// <summary>The text. Call it once.</summary>
    public override string ToString() => text.ToStringAndClear();
}
