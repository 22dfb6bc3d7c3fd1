using System.IO.Enumeration;

namespace Diffusion.Training;

/// <summary>Patterns of parameter names, in which <c>*</c> stands for any characters and <c>?</c> for one.</summary>
internal static class NamePattern
{
    /// <summary>Whether a name has the pattern. Case matters.</summary>
    public static bool Fits(string pattern, string name) => FileSystemName.MatchesSimpleExpression(pattern, name, ignoreCase: false);
}
