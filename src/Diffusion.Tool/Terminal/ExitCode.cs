namespace Diffusion.Tool.Terminal;

/// <summary>The exit codes of the tool. A command that a signal stopped ends with 128 plus the signal's number.</summary>
internal static class ExitCode
{
    public const int Success = 0;

    public const int Failure = 1;

    /// <summary>Wrong arguments, or a mistake in the run file.</summary>
    public const int Usage = 2;
}
