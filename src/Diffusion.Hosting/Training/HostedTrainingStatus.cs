namespace Diffusion.Hosting;

/// <summary>The status of a <see cref="HostedTraining"/>.</summary>
public enum HostedTrainingStatus
{
    /// <summary>Nothing has been started.</summary>
    Idle,

    /// <summary>The trainer is being built: options, images and the run folder are checked, and a checkpoint is read.</summary>
    Starting,

    /// <summary>The trainer is running.</summary>
    Running,

    /// <summary>The last run ended, and was saved: all steps are taken, its time limit expired, or it was stopped.</summary>
    Ended,

    /// <summary>The last run failed: <see cref="HostedTraining.Error"/> says why.</summary>
    Failed,
}
