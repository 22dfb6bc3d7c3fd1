namespace Diffusion.TestKit;

/// <summary>
/// Files that other libraries made: in the folder that the environment variable DIFFUSION_REFERENCE names, or in <c>shared/reference</c>
/// beside the repository.
/// </summary>
public static class ReferenceFolder
{
    /// <summary>Why tests are skipped where there is no such folder.</summary>
    public const string Missing = "The reference files are not here: let DIFFUSION_REFERENCE name their folder.";

    /// <summary>A folder of it; null where it is not here.</summary>
    public static string? Find(string name)
    {
        if (Environment.GetEnvironmentVariable("DIFFUSION_REFERENCE") is { Length: > 0 } named)
        {
            return Existing(Path.Combine(named, name));
        }

        for (DirectoryInfo? folder = new(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(Path.Combine(folder.FullName, "Diffusion.sln")))
            {
                return Existing(Path.Combine(folder.FullName, "..", "shared", "reference", name));
            }
        }

        return null;
    }

    private static string? Existing(string folder) => Directory.Exists(folder) ? Path.GetFullPath(folder) : null;
}
