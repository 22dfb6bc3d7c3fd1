namespace Diffusion.Tool.Running;

/// <summary>What a launcher told this process.</summary>
internal static class LaunchedProcess
{
    /// <summary>Whether this process is the first of those that train together, or trains alone.</summary>
    public static bool IsFirst => ((string[])["RANK", "OMPI_COMM_WORLD_RANK", "PMI_RANK"])
        .Select(Environment.GetEnvironmentVariable).FirstOrDefault(rank => rank is not null) is null or "0";
}
