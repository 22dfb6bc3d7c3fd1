namespace Diffusion.Tool.Terminal;

/// <summary>Where a command writes.</summary>
/// <param name="output">Receives results and progress.</param>
/// <param name="errors">Receives one line for each failure.</param>
/// <param name="isInteractive">Whether a person watches: progress is then a live bar instead of lines.</param>
internal sealed class ToolTerminal(TextWriter output, TextWriter errors, bool isInteractive)
{
    public TextWriter Output => output;

    public TextWriter Errors => errors;

    public bool IsInteractive => isInteractive;

    /// <summary>Writes a line of output.</summary>
    public void Line(string text) => output.WriteLine(text);

    /// <summary>The terminal of one of several processes: lines from the first one, errors from all.</summary>
    public ToolTerminal Shared(bool isFirst) => new(isFirst ? output : TextWriter.Null, errors, isInteractive: false);
}
