namespace Diffusion.Training;

/// <summary>Makes process groups.</summary>
public static class ProcessGroups
{
    /// <summary>The group of a process that trains alone. Its operations finish at once.</summary>
    public static IProcessGroup OneProcess() => new SingleProcessGroup();
}
