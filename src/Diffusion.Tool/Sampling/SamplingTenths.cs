using Diffusion.Sampling;
using Diffusion.Tool.Terminal;

namespace Diffusion.Tool.Sampling;

/// <summary>Prints the progress of sampling at each tenth.</summary>
internal sealed class SamplingTenths(ToolTerminal terminal) : IProgress<SamplingProgress>
{
    private int printed;

    /// <inheritdoc/>
    public void Report(SamplingProgress value)
    {
        int tenths = (int)(value.Fraction * 10);
        if (tenths > printed)
        {
            printed = tenths;
            terminal.Line($"{tenths}0%, {value.Elapsed.TotalSeconds:F0} s");
        }
    }
}
