namespace Diffusion.Tool.Terminal;

/// <summary>An argument or a run file is wrong. The message lists every problem with its remedy.</summary>
internal sealed class ToolUsageException(string message) : Exception(message);
