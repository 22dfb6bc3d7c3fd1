using System.Text;

namespace Diffusion.Data;

/// <summary>Determines by their subfolders which images of a folder are used, and their classes.</summary>
/// <param name="Images">The sorted paths of the images, relative to the folder.</param>
/// <param name="Labels">The label of each; null without classes.</param>
/// <param name="ClassNames">The sorted names of the classes; empty without classes.</param>
/// <param name="Note">Additional text for the description: the splits used, and why there are no classes; may be empty.</param>
internal sealed record ImageFolderLayout(IReadOnlyList<string> Images, int[]? Labels, IReadOnlyList<string> ClassNames, string Note)
{
    private const string Option = "the split parameter";
    private const string BesideSplits = "images next to the folders of the splits";
    private const string BesideClasses = "images next to the class folders, which belong to no class";

    /// <summary>Determines the layout.</summary>
    /// <param name="folder">The folder as errors show it.</param>
    /// <param name="images">The sorted paths relative to the folder, separated by <c>/</c>; at least one.</param>
    /// <param name="wanted">The split to use; null for none.</param>
    /// <param name="skipped">Receives what is skipped.</param>
    /// <exception cref="ImageDataException">There are several splits and none was chosen, or the chosen split is missing.</exception>
    public static ImageFolderLayout Of(string folder, IReadOnlyList<string> images, string? wanted, SkippedImageList skipped)
    {
        // Each path is examined from its current start. Folders that contain nothing but a single folder are entered.
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
                : $", no classes because {loose} of them are next to the {classes.Length} subfolders";
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

    // Null when the folders are not splits: one has another name, or more images are next to them than inside.
    private static string[]? SplitsOf(List<ImagePath> paths)
    {
        string[] folders = [.. paths.Select(path => path.Folder).Where(name => name.Length > 0).Distinct(StringComparer.Ordinal)];
        int loose = paths.Count(path => path.Folder.Length == 0);
        return AreSplits(folders) && loose <= paths.Count - loose ? folders : null;
    }

    // Classes that contain splits: cat/train, cat/test, dog/train, dog/test.
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

    // Names that look the same are one class: macOS stores an accent as a separate character.
    private static string Composed(string name) => name.Any(char.IsSurrogate) ? name : name.Normalize(NormalizationForm.FormC);

    /// <summary>The path of an image, examined from one of its folders.</summary>
    private readonly record struct ImagePath(string Path, int Start)
    {
        /// <summary>The next folder; empty if the image itself is next.</summary>
        public string Folder => Path.IndexOf('/', Start) is >= 0 and int end ? Path[Start..end] : string.Empty;

        /// <summary>The same path, examined from that folder.</summary>
        public ImagePath Inner() => this with { Start = Path.IndexOf('/', Start) + 1 };
    }
}
