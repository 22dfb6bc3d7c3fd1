namespace Diffusion.Training;

/// <summary>Checks a run for one kind of problem.</summary>
internal interface IHealthCheck
{
    /// <summary>Checks the run as of its last report.</summary>
    /// <returns>The problem, whether or not it existed before; null if there is none.</returns>
    HealthFinding? Look(RunHistory run);
}
