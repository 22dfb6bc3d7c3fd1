namespace Diffusion.Data;

/// <summary>Where things are kept that can be made anew, by the customs of each system. Looked up, never made.</summary>
internal static class UserCache
{
    /// <summary>A folder of this library's in the user's cache.</summary>
    /// <param name="name">Its name.</param>
    public static string Folder(string name) => Path.Combine(Root(), "diffusion-net", name);

    // https://specifications.freedesktop.org/basedir-spec/latest: a relative XDG_CACHE_HOME counts as none.
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
        home = home.Length == 0 ? Path.DirectorySeparatorChar.ToString() : home; // as a user without an entry has it
        return OperatingSystem.IsMacOS() ? Path.Combine(home, "Library", "Caches") : Path.Combine(home, ".cache");
    }
}
