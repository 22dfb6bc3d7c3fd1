namespace Diffusion;

/// <summary>Finds the folder of libtorch. A second copy in one process would register its operators again and crash it.</summary>
internal static class LibtorchFolder
{
    private const string Main = "torch_cpu";

    private static readonly string[] Required = ["c10", "torch_cpu", "torch"];

    /// <summary>
    /// The only folder with libtorch: named by the variable, in the application, or already loaded. If there is none, that of NuGet.
    /// </summary>
    /// <exception cref="NativeBackendException">There is none, or more than one.</exception>
    public static string Choose()
    {
        string? named = Named();
        string? carried = NativeSearch.Carried(Main);
        string? mapped = NativeSearch.Mapped(Main);

        (string Origin, string? File)[] copies =
        [
            ($"{TorchBackend.FolderVariable} names", named),
            ("the application contains", carried),
            ("this process has already loaded", mapped),
        ];
        string[] distinct = [.. copies.Where(copy => copy.File is not null)
            .DistinctBy(copy => NativeSearch.RealPath(copy.File!), NativeSearch.PathComparer)
            .Select(copy => $"{copy.Origin} '{copy.File}'")];
        if (distinct.Length > 1)
        {
            throw NativeError.TwoCopies(distinct, oneIsLoaded: mapped is not null);
        }

        string chosen = named ?? carried ?? mapped ?? NativeSearch.Unpacked(Main) ?? throw NativeError.NoLibtorch();
        string folder = Path.GetDirectoryName(chosen)!;
        string[] missing = [.. Required.Select(NativeSearch.FileName).Where(file => !File.Exists(Path.Combine(folder, file)))];
        return missing.Length == 0 ? folder : throw NativeError.Incomplete(folder, missing);
    }

    private static string? Named()
    {
        string? named = Environment.GetEnvironmentVariable(TorchBackend.FolderVariable);
        if (string.IsNullOrWhiteSpace(named))
        {
            return null;
        }

        if (!Directory.Exists(named))
        {
            throw NativeError.NoSuchFolder(named);
        }

        string file = Path.Combine(Path.GetFullPath(named), NativeSearch.FileName(Main));
        return File.Exists(file) ? file : throw NativeError.NotALibtorchFolder(named, NativeSearch.FileName(Main));
    }
}
