namespace Diffusion.Training;

/// <summary>Looks at a run for one kind of trouble.</summary>
internal interface IHealthCheck
{
    /// <summary>Looks at the run as of its last report.</summary>
    /// <returns>What is wrong now, whether or not it was before; null when nothing is.</returns>
    HealthFinding? Look(RunHistory run);
}
