namespace Diffusion.Data;

/// <summary>Which images of a folder are taken.</summary>
public sealed record ImageFolderOptions
{
    /// <summary>
    /// The split that is taken where the folder holds several, as <c>train</c> and <c>test</c>: the name of its folder, or another name of
    /// the same split (<see cref="DataSplit.RecognisedNames"/>); or <see cref="DataSplit.All"/> to mix them. Default null: the only one
    /// that there is, and an error where there are several.
    /// </summary>
    public string? Split { get; init; }
}
