using System.Text;

namespace Diffusion.Data;

/// <summary>Which of a folder's images are taken, and their classes, by the folders that they lie in.</summary>
/// <param name="Images">The images' paths within the folder, in order.</param>
/// <param name="Labels">The class of each; null without classes.</param>
/// <param name="ClassNames">The names of the classes in their order; empty without classes.</param>
/// <param name="Note">What a description of the set should say: the splits taken, and why there are no classes; may be empty.</param>
internal sealed record ImageFolderLayout(IReadOnlyList<string> Images, int[]? Labels, IReadOnlyList<string> ClassNames, string Note)
{
    private const string Option = "the split parameter";
    private const string BesideSplits = "images beside the folders of the splits";
    private const string BesideClasses = "images beside the class folders, which belong to no class";

    /// <summary>Decides by the paths.</summary>
    /// <param name="folder">What errors call the folder.</param>
    /// <param name="images">Paths within it, <c>/</c> between their parts, in order; at least one.</param>
    /// <param name="wanted">The split to take, or null.</param>
    /// <param name="skipped">Takes what is left out.</param>
    /// <exception cref="ImageDataException">There are several splits and none was chosen, or the chosen one is not there.</exception>
    public static ImageFolderLayout Of(string folder, IReadOnlyList<string> images, string? wanted, SkippedImageList skipped)
    {
        // A path is looked at from its current start on: folders that hold one folder and nothing else are entered.
        List<ImagePath> paths = Enter([.. images.Select(path => new ImagePath(path, 0))]);
        IReadOnlyList<string> chosen = [];
        while (SplitsOf(paths) is { } splits)
        {
            chosen = DataSplit.Choose(folder, splits, wanted, Option);
            paths = Enter(Within(paths, chosen, skipped));
        }

        if (chosen.Count == 0 && SplitsWithinClasses(paths) is { } inner)
        {
            chosen = DataSplit.Choose(folder, inner, wanted, Option);
            paths = paths.FindAll(path => chosen.Contains(path.Inner().Folder, StringComparer.Ordinal));
        }

        if (chosen.Count == 0 && wanted is not null && !string.Equals(wanted, DataSplit.All, StringComparison.OrdinalIgnoreCase))
        {
            throw new ImageDataException(
                folder, $"{Option} is \"{wanted}\", but the folder contains no splits: its folders are {Names(paths)}. "
                + "Omit the parameter, or open another folder.");
        }

        return Labeled(paths, NoteOf(chosen), skipped);
    }

    private static ImageFolderLayout Labeled(List<ImagePath> paths, string note, SkippedImageList skipped)
    {
        int loose = paths.Count(path => path.Folder.Length == 0);
        string[] classes = [.. paths.Select(path => path.Folder).Where(name => name.Length > 0).Select(Composed)
            .Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal)];
        if (classes.Length < 2 || loose > paths.Count - loose)
        {
            string why = classes.Length < 2
                ? string.Empty
                : $", no classes because {loose} of them lie beside the {classes.Length} sub-folders";
            return new ImageFolderLayout([.. paths.Select(path => path.Path)], null, [], note + why);
        }

        paths = SkipLoose(paths, BesideClasses, skipped);
        Dictionary<string, int> labels = classes.Index().ToDictionary(entry => entry.Item, entry => entry.Index, StringComparer.Ordinal);
        return new ImageFolderLayout([.. paths.Select(path => path.Path)], [.. paths.Select(path => labels[Composed(path.Folder)])],
            classes, note);
    }

    private static List<ImagePath> Enter(List<ImagePath> paths)
    {
        while (paths[0].Folder is { Length: > 0 } only && SplitsOf(paths) is null && paths.TrueForAll(path => path.Folder == only))
        {
            paths = paths.ConvertAll(path => path.Inner());
        }

        return paths;
    }

    // Null where the folders are no splits: one has another name, or more images lie beside them than within.
    private static string[]? SplitsOf(List<ImagePath> paths)
    {
        string[] folders = [.. paths.Select(path => path.Folder).Where(name => name.Length > 0).Distinct(StringComparer.Ordinal)];
        int loose = paths.Count(path => path.Folder.Length == 0);
        return AreSplits(folders) && loose <= paths.Count - loose ? folders : null;
    }

    // Classes that each hold the same kind of folders: cat/train, cat/test, dog/train, dog/test.
    private static string[]? SplitsWithinClasses(List<ImagePath> paths)
    {
        if (paths.Exists(path => path.Folder.Length == 0 || path.Inner().Folder.Length == 0))
        {
            return null;
        }

        string[] folders = [.. paths.Select(path => path.Inner().Folder).Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal)];
        return AreSplits(folders) ? folders : null;
    }

    private static bool AreSplits(string[] folders) =>
        folders.Length > 0
        && (Array.TrueForAll(folders, DataSplit.IsName)
            || (Array.TrueForAll(folders, name => DataSplit.Of(name) is not null)
                && folders.Select(DataSplit.Of).Distinct(StringComparer.Ordinal).Count() > 1));

    private static List<ImagePath> Within(List<ImagePath> paths, IReadOnlyList<string> splits, SkippedImageList skipped) =>
        [.. SkipLoose(paths, BesideSplits, skipped).Where(path => splits.Contains(path.Folder, StringComparer.Ordinal))
            .Select(path => path.Inner())];

    private static List<ImagePath> SkipLoose(List<ImagePath> paths, string reason, SkippedImageList skipped)
    {
        foreach (ImagePath path in paths.Where(path => path.Folder.Length == 0))
        {
            skipped.Add(reason, path.Path);
        }

        return paths.FindAll(path => path.Folder.Length > 0);
    }

    private static string NoteOf(IReadOnlyList<string> splits) =>
        splits.Count == 0 ? string.Empty : $", {(splits.Count == 1 ? "split" : "splits")} {string.Join(" and ", splits)}";

    private static string Names(List<ImagePath> paths)
    {
        string[] folders = [.. paths.Select(path => path.Folder).Where(name => name.Length > 0).Distinct(StringComparer.Ordinal)];
        return folders.Length == 0
            ? "none"
            : new SkippedImages(string.Empty, folders.Length, [.. folders.Take(SkippedImages.MaxExamples)]).ExampleText;
    }

    // Two names that look the same are one class: macOS writes an accent as a character of its own.
    private static string Composed(string name) => name.Any(char.IsSurrogate) ? name : name.Normalize(NormalizationForm.FormC);

    /// <summary>An image's path, looked at from a folder on its way.</summary>
    private readonly record struct ImagePath(string Path, int Start)
    {
        /// <summary>The folder that follows; empty where the image itself does.</summary>
        public string Folder => Path.IndexOf('/', Start) is >= 0 and int end ? Path[Start..end] : string.Empty;

        /// <summary>The same, looked at from that folder.</summary>
        public ImagePath Inner() => this with { Start = Path.IndexOf('/', Start) + 1 };
    }
}
