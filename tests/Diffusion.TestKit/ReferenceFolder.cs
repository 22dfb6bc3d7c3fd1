namespace Diffusion.TestKit;

/// <summary>
/// Files from other libraries, in the folder of the environment variable DIFFUSION_REFERENCE or in <c>shared/reference</c> next to the
/// repository.
/// </summary>
public static class ReferenceFolder
{
    /// <summary>The reason for skipped tests if there is no such folder.</summary>
    public const string Missing = "The reference files are not available: set DIFFUSION_REFERENCE to their folder.";

    /// <summary>A folder within it; null if it does not exist.</summary>
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
