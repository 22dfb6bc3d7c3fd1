using System.Text.RegularExpressions;

namespace Diffusion.Data;

/// <summary>A file that may be an IDX file of the requested part.</summary>
/// <param name="Path">The path.</param>
/// <param name="NormalizedName">The name in lower case, with hyphens instead of dots, spaces and underscores, without <c>.gz</c>.</param>
/// <param name="IsImages">Whether it contains images rather than labels, by its first bytes or else its name.</param>
/// <param name="Home">The folder that it belongs to: its own, or the parent folder if its own has the same name as the file.</param>
/// <param name="Depth">The depth of that folder below the given folder.</param>
internal sealed partial record IdxCandidate(string Path, string NormalizedName, bool IsImages, string Home, int Depth)
{
    private static readonly char[] Separators = ['.', '_', ' '];

    /// <summary>0 for an uncompressed file with a standard name, 1 for a compressed one, 2 for other names.</summary>
    public int Rank => System.IO.Path.GetFileName(Path) switch
    {
        string name when name == NormalizedName => 0,
        string name when name == NormalizedName + ".gz" => 1,
        _ => 2,
    };

    /// <summary>The name of the label file of these images.</summary>
    public string LabelName =>
        NormalizedName.Replace("images", "labels", StringComparison.Ordinal).Replace("idx3", "idx1", StringComparison.Ordinal);

    /// <summary>A candidate if the file name contains the part and looks like an IDX file; otherwise null.</summary>
    /// <param name="folder">The folder that was searched.</param>
    /// <param name="path">The file.</param>
    /// <param name="parts">The normalized names of the part.</param>
    public static IdxCandidate? Of(string folder, string path, string[] parts)
    {
        string[] within = System.IO.Path.GetRelativePath(folder, path).Split(System.IO.Path.DirectorySeparatorChar);
        string name = Plain(within[^1]);
        if (!Idx().IsMatch(name) || !Array.Exists(parts, part => $"-{name}-".Contains($"-{part}-", StringComparison.Ordinal))
            || within.Any(SystemFiles.IsIgnored))
        {
            return null;
        }

        bool isImages = IdxFile.DimensionsOf(path) switch
        {
            3 => true,
            1 => false,
            _ => !name.Contains("label", StringComparison.Ordinal) && !name.Contains("idx1", StringComparison.Ordinal),
        };
        string home = System.IO.Path.GetDirectoryName(path)!;
        return within.Length > 1 && Plain(within[^2]) == name
            ? new IdxCandidate(path, name, isImages, System.IO.Path.GetDirectoryName(home)!, within.Length - 2)
            : new IdxCandidate(path, name, isImages, home, within.Length - 1);
    }

    /// <summary>Normalizes a name for comparison.</summary>
    public static string Plain(string name)
    {
        string lower = name.ToLowerInvariant();
        return string.Join('-', (lower.EndsWith(".gz", StringComparison.Ordinal) ? lower[..^3] : lower).Split(Separators));
    }

    [GeneratedRegex(@"(ubyte|idx[0-9](-[a-z]+)?|-images|-labels)$", RegexOptions.ExplicitCapture | RegexOptions.CultureInvariant,
        matchTimeoutMilliseconds: 1000)]
    private static partial Regex Idx();
}
