using System.Runtime.Versioning;
using System.Security.Cryptography;

namespace Diffusion;

/// <summary>A private copy of a native library with one version need made weak, in the user's cache folder.</summary>
[UnsupportedOSPlatform("windows")]
internal static class RelaxedCopy
{
    /// <summary>The copy of <paramref name="library"/>, written now or by an earlier process.</summary>
    /// <returns>The path of a file whose bytes are the library's, relaxed.</returns>
    public static string Of(string library, string version)
    {
        byte[] bytes = File.ReadAllBytes(library);
        string key = Convert.ToHexStringLower(SHA256.HashData(bytes))[..16];
        if (GlibcRelaxation.MakeWeak(bytes, version) == 0)
        {
            throw new NativeBackendException($"'{library}' needs {version}, which this system's libstdc++ lacks, and could not be adapted. "
                + "Use a distribution with GCC 13's libstdc++ or newer (Debian 13, Ubuntu 24.04, RHEL 10).");
        }

        Exception? last = null;
        foreach (string cache in CacheFolders())
        {
            string path = Path.Combine(cache, key, Path.GetFileName(library));
            try
            {
                Write(path, bytes);
                return path;
            }
            catch (Exception error) when (error is IOException or UnauthorizedAccessException)
            {
                last = error;
            }
        }

        throw new NativeBackendException($"A repaired copy of '{library}' could not be written to any of: "
            + $"{string.Join(", ", CacheFolders())}. Make one of them writable, or set XDG_CACHE_HOME to a writable folder.", last!);
    }

    private static void Write(string path, byte[] bytes)
    {
        if (File.Exists(path) && File.ReadAllBytes(path).AsSpan().SequenceEqual(bytes))
        {
            return;
        }

        // A process beside this one sees the whole file or none: written under a name of its own, then renamed.
        string folder = Path.GetDirectoryName(path)!;
        Directory.CreateDirectory(folder, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        string temporary = Path.Combine(folder, $"{Path.GetRandomFileName()}.tmp");
        File.WriteAllBytes(temporary, bytes);
        File.Move(temporary, path, overwrite: true);
    }

    private static IEnumerable<string> CacheFolders()
    {
        string? cache = Environment.GetEnvironmentVariable("XDG_CACHE_HOME");
        string home = Environment.GetFolderPath(Environment.SpecialFolder.UserProfile);
        if (!string.IsNullOrEmpty(cache))
        {
            yield return Path.Combine(cache, "diffusion-net");
        }

        if (home.Length > 0)
        {
            yield return Path.Combine(home, ".cache", "diffusion-net");
        }

        yield return Path.Combine(Path.GetTempPath(), $"diffusion-net-{Environment.UserName}");
    }
}
