using System.Runtime.Versioning;
using System.Security.Cryptography;

namespace Diffusion;

/// <summary>A private copy of a native library with one version need made weak. The library itself is not modified.</summary>
[SupportedOSPlatform("linux")]
internal static class RelaxedCopy
{
    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;

    /// <summary>Loads a relaxed copy of <paramref name="library"/>, written to the user's cache now or by an earlier process.</summary>
    /// <returns>Why it does not load; null when it is loaded.</returns>
    public static string? Load(string library, string version)
    {
        byte[] bytes;
        string key;
        int changed;
        try
        {
            bytes = File.ReadAllBytes(library);
            key = Convert.ToHexStringLower(SHA256.HashData(bytes))[..16];
            changed = GlibcRelaxation.MakeWeak(bytes, version);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or ArgumentOutOfRangeException)
        {
            return $"it needs {version}, which this system's libstdc++ lacks, and is damaged or cannot be read: {error.Message}";
        }

        if (changed == 0)
        {
            return $"it needs {version}, which this system's libstdc++ lacks, and could not be adapted. "
                + "GCC 13's libstdc++ or newer has it (Debian 13, Ubuntu 24.04, RHEL 10).";
        }

        List<string> failures = [];
        foreach (string cache in CacheFolders())
        {
            string? failure = LoadFrom(Path.Combine(cache, key), Path.GetFileName(library), bytes);
            if (failure is null || failure.Contains(NativeLoader.UndefinedSymbol, StringComparison.Ordinal))
            {
                return failure; // Another folder would give the same.
            }

            failures.Add($"{cache}: {failure}");
        }

        return LoadFromTemporaryFolder(Path.GetFileName(library), bytes) is { } last
            ? $"a repaired copy was needed and could be used from no folder "
                + $"({string.Join("; ", failures.Append($"{Path.GetTempPath()}: {last}"))}). "
                + "Set XDG_CACHE_HOME to a writable folder from which libraries may be loaded (not mounted noexec)."
            : null;
    }

    /// <summary>The last resort: a temporary folder, deleted as soon as the library is mapped.</summary>
    private static string? LoadFromTemporaryFolder(string name, byte[] bytes)
    {
        try
        {
            string folder = Directory.CreateTempSubdirectory("diffusion-net-").FullName;
            try
            {
                return LoadFrom(folder, name, bytes);
            }
            finally
            {
                Directory.Delete(folder, recursive: true);
            }
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return error.Message;
        }
    }

    private static string? LoadFrom(string folder, string name, byte[] bytes)
    {
        try
        {
            string path = Path.Combine(folder, name);
            Write(path, bytes);
            return NativeLoader.Load(path, everySymbol: true);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return error.Message;
        }
    }

    private static void Write(string path, byte[] bytes)
    {
        if (IsWhole(path, bytes))
        {
            return;
        }

        Directory.CreateDirectory(Path.GetDirectoryName(path)!, OwnerOnly);
        AtomicFile.Write(path, bytes); // Other processes may read it at any time.
    }

    private static bool IsWhole(string path, byte[] bytes) =>
        File.Exists(path) && File.ReadAllBytes(path).AsSpan().SequenceEqual(bytes);

    private static IEnumerable<string> CacheFolders()
    {
        string? cache = Environment.GetEnvironmentVariable("XDG_CACHE_HOME");
        if (Path.IsPathRooted(cache))
        {
            yield return Path.Combine(cache, "diffusion-net");
        }

        string home = Environment.GetFolderPath(Environment.SpecialFolder.UserProfile);
        if (home.Length > 0)
        {
            yield return Path.Combine(home, ".cache", "diffusion-net");
        }
    }
}
