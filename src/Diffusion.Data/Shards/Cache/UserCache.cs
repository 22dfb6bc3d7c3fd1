namespace Diffusion.Data;

/// <summary>The user's cache folder by the conventions of each system. The folder is not created.</summary>
internal static class UserCache
{
    /// <summary>A folder of this library in the user's cache folder.</summary>
    /// <param name="name">The name of the folder.</param>
    public static string Folder(string name) => Path.Combine(Root(), "diffusion-net", name);

    // https://specifications.freedesktop.org/basedir-spec/latest: a relative XDG_CACHE_HOME is ignored.
    private static string Root()
    {
        if (OperatingSystem.IsWindows())
        {
            return Environment.GetFolderPath(Environment.SpecialFolder.LocalApplicationData, Environment.SpecialFolderOption.DoNotVerify);
        }

        string? cache = Environment.GetEnvironmentVariable("XDG_CACHE_HOME");
        if (Path.IsPathFullyQualified(cache ?? string.Empty))
        {
            return cache!;
        }

        string home = Environment.GetFolderPath(Environment.SpecialFolder.UserProfile, Environment.SpecialFolderOption.DoNotVerify);
        home = home.Length == 0 ? Path.DirectorySeparatorChar.ToString() : home; // for a user without a home folder
        return OperatingSystem.IsMacOS() ? Path.Combine(home, "Library", "Caches") : Path.Combine(home, ".cache");
    }
}
