using System.Globalization;
using System.Security.Cryptography;

namespace Diffusion.Tool.Backend;

/// <summary>
/// Gathers the libraries of TorchSharp's packages of libtorch with CUDA. A library that is too large for one package is in pieces: the
/// first in a package whose name ends in <c>-primary</c>, with the SHA-256 of the whole beside it, the others in those that end in
/// <c>-fragment1</c>, <c>-fragment2</c> and so on.
/// </summary>
internal static class CudaPackages
{
    private const string Main = "torch_cuda";
    private const string HashExtension = ".sha";
    private const string Primary = "-primary";

    /// <summary>Moves the libraries into one folder, and joins those that are in pieces.</summary>
    /// <param name="packages">The folder of the packages as NuGet restores them: <c>name/version/runtimes/platform/native</c>.</param>
    /// <param name="platform">The platform, such as <c>linux-x64</c>.</param>
    /// <param name="folder">The folder to fill; it is replaced.</param>
    /// <exception cref="InvalidDataException">A library is missing, or its pieces do not match.</exception>
    public static void Gather(string packages, string platform, string folder)
    {
        if (Directory.Exists(folder))
        {
            Directory.Delete(folder, recursive: true);
        }

        Directory.CreateDirectory(folder);
        foreach (string version in Directory.EnumerateDirectories(packages, "libtorch-cuda-*")
            .SelectMany(package => Directory.EnumerateDirectories(package)))
        {
            string native = Path.Combine(version, "runtimes", platform, "native");
            string[] libraries = Directory.Exists(native)
                ? [.. Directory.EnumerateFiles(native).Where(file => Path.GetExtension(file) != HashExtension)]
                : [];
            foreach (string library in libraries)
            {
                string target = Path.Combine(folder, Path.GetFileName(library));
                File.Move(library, target, overwrite: true);
                if (File.Exists(library + HashExtension))
                {
                    Join(target, Pieces(version, platform, Path.GetFileName(library)), File.ReadAllText(library + HashExtension).Trim());
                }
            }
        }

        if (!Directory.EnumerateFiles(folder).Any(file => Path.GetFileNameWithoutExtension(file).EndsWith(Main, StringComparison.Ordinal)))
        {
            throw new InvalidDataException(
                $"The packages in '{packages}' were downloaded, but contain no {Main} for {platform}. Set {TorchBackend.FolderVariable} to "
                    + "a libtorch with CUDA instead.");
        }
    }

    // some-primary/2.10.0 has its further pieces in some-fragment1/2.10.0/fragments/linux-x64/native/name.fragment1, and so on.
    private static IEnumerable<string> Pieces(string version, string platform, string name)
    {
        string package = Path.GetDirectoryName(version)!;
        string stem = package.EndsWith(Primary, StringComparison.Ordinal) ? package[..^Primary.Length] : package;
        for (int i = 1; ; i++)
        {
            string piece = string.Create(CultureInfo.InvariantCulture, $"fragment{i}");
            string path = Path.Combine(
                $"{stem}-{piece}", Path.GetFileName(version), "fragments", platform, "native", $"{name}.{piece}");
            if (!File.Exists(path))
            {
                yield break;
            }

            yield return path;
        }
    }

    private static void Join(string library, IEnumerable<string> pieces, string expected)
    {
        using (FileStream whole = new(library, FileMode.Append, FileAccess.Write))
        {
            foreach (string path in pieces)
            {
                using FileStream piece = File.OpenRead(path);
                piece.CopyTo(whole);
            }
        }

        using FileStream joined = File.OpenRead(library);
        string actual = Convert.ToHexStringLower(SHA256.HashData(joined));
        if (!actual.Equals(expected, StringComparison.OrdinalIgnoreCase))
        {
            throw new InvalidDataException(
                $"The pieces of {Path.GetFileName(library)} have the SHA-256 {actual}, but its package says {expected}: a piece is missing "
                    + "or damaged. Install it again.");
        }
    }
}
