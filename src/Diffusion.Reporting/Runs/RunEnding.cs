namespace Diffusion.Reporting;

/// <summary>How a run ended.</summary>
/// <param name="At">When.</param>
/// <param name="Step">After which step.</param>
/// <param name="Reason">The reason, in one word.</param>
/// <param name="Error">The message of the exception that ended it; null without one.</param>
internal sealed record RunEnding(DateTimeOffset At, long Step, string Reason, string? Error);
