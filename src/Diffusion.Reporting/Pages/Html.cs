using System.Globalization;
using System.Net;
using System.Runtime.CompilerServices;
using System.Text;

namespace Diffusion.Reporting;

/// <summary>
/// HTML from interpolated strings. Every value in the braces is encoded, so names and messages are shown and never run; only other
/// <see cref="Html"/> is inserted as it is.
/// </summary>
/// <param name="text">The text, which is HTML already.</param>
internal readonly struct Html(string text)
{
    /// <summary>Creates HTML.</summary>
    public static Html Of(Encoder text) => new(text.ToString());

    /// <summary>Joins pieces.</summary>
    public static Html Join(IEnumerable<Html> pieces) => new(string.Concat(pieces));

    /// <summary>Inserts a piece only if a condition holds.</summary>
    public static Html If(bool condition, Func<Html> piece) => condition ? piece() : default;

    /// <inheritdoc/>
    public override string ToString() => text ?? string.Empty;

    /// <summary>The interpolated string.</summary>
    [InterpolatedStringHandler]
    public readonly ref struct Encoder(int literalLength, int formattedCount)
    {
        private readonly StringBuilder text = new(literalLength + (16 * formattedCount));

        public void AppendLiteral(string value) => text.Append(value);

        public void AppendFormatted(Html value) => text.Append(value);

        public void AppendFormatted(string? value) => text.Append(WebUtility.HtmlEncode(value));

        public void AppendFormatted<T>(T value, string? format = null)
            where T : IFormattable => AppendFormatted(value.ToString(format, CultureInfo.InvariantCulture));

        /// <summary>Returns the HTML.</summary>
        public override string ToString() => text.ToString();
    }
}
