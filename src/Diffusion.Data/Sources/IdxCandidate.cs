using System.Text.RegularExpressions;

namespace Diffusion.Data;

/// <summary>A file that may be an IDX file of a wanted part.</summary>
/// <param name="Path">Its path.</param>
/// <param name="NormalizedName">Its name in lower case, with hyphens for dots, blanks and underscores, without <c>.gz</c>.</param>
/// <param name="IsImages">Whether it holds images rather than labels, as its first bytes say, or else its name.</param>
/// <param name="Home">The folder that it belongs to: its own, or the one above where its own has the same name as the file.</param>
/// <param name="Depth">How many folders that is below the one that was given.</param>
internal sealed partial record IdxCandidate(string Path, string NormalizedName, bool IsImages, string Home, int Depth)
{
    private static readonly char[] Separators = ['.', '_', ' '];

    /// <summary>0 for a plain file of the format's own name, 1 for a packed one, 2 for other names.</summary>
    public int Rank => System.IO.Path.GetFileName(Path) == NormalizedName ? 0 : System.IO.Path.GetFileName(Path) == NormalizedName + ".gz" ? 1 : 2;

    /// <summary>What the labels of these images are called.</summary>
    public string LabelName =>
        NormalizedName.Replace("images", "labels", StringComparison.Ordinal).Replace("idx3", "idx1", StringComparison.Ordinal);

    /// <summary>A file whose name has a wanted part in it and looks like that of an IDX file; null for others.</summary>
    /// <param name="folder">Where it was looked for.</param>
    /// <param name="path">The file.</param>
    /// <param name="parts">The names of the part, plain.</param>
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

    /// <summary>A name as it is compared.</summary>
    public static string Plain(string name)
    {
        string lower = name.ToLowerInvariant();
        return string.Join('-', (lower.EndsWith(".gz", StringComparison.Ordinal) ? lower[..^3] : lower).Split(Separators));
    }

    [GeneratedRegex(@"(ubyte|idx[0-9](-[a-z]+)?|-images|-labels)$", RegexOptions.ExplicitCapture | RegexOptions.CultureInvariant,
        matchTimeoutMilliseconds: 1000)]
    private static partial Regex Idx();
}
