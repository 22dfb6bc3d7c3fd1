using System.Globalization;

namespace Diffusion.Benchmarks;

/// <summary>Seconds of one round.</summary>
internal sealed record SavingTimes(double PlainWrite, double Save, double SaveAndVerify, double PlainRead, double Load, double PlainCopy,
    double Pause)
{
    /// <inheritdoc/>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, 
        $"plain write {PlainWrite:F2} s, save {Save:F2} s, save and read back {SaveAndVerify:F2} s; plain read {PlainRead:F2} s, load "
            + $"{Load:F2} s; plain copy {PlainCopy:F3} s, pause {Pause:F3} s");
}
