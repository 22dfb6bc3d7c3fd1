using Microsoft.Extensions.Logging;

namespace Diffusion.Training;

/// <summary>The processes that share a run, at least two.</summary>
/// <param name="Group">The processes.</param>
/// <param name="Options">How they train together.</param>
/// <param name="OwnsGroup">Whether the trainer disposes the group.</param>
/// <param name="Logger">Receives what happens in this process alone, on every process. Everything else is logged by rank 0 only.</param>
internal sealed record RunProcesses(IProcessGroup Group, DistributedOptions Options, bool OwnsGroup, ILogger Logger)
{
    /// <summary>Whether this process writes the files of the run and reports its progress.</summary>
    public bool IsFirst => Group.Rank == 0;

    /// <summary>Ends the other processes because this one fails, unless all of them fail with the same error.</summary>
    /// <param name="error">The error.</param>
    public void Fail(Exception error)
    {
        if (error is not (DistributedException or TrainingDivergedException))
        {
            TrainingLog.EndsGroup(Logger, error, Group.Rank); // the process may end before its caller can report the exception
            Group.Abort(error.Message);
        }
    }
}
