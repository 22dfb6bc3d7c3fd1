namespace Diffusion.Data;

/// <summary>Which version of a file to fetch, and the checks that the file must pass.</summary>
/// <param name="MaxBytes">The maximum size of the file, in bytes.</param>
internal sealed record FetchRequest(long MaxBytes)
{
    /// <summary>The version that a local copy must have; null accepts any version.</summary>
    public RemoteVersion? Version { get; init; }

    /// <summary>Whether to ask the server if the local copy is still current.</summary>
    public bool Revalidate { get; init; }

    /// <summary>Given the path and Content-Type of a fetched file, says what is wrong with it; null when nothing is.</summary>
    public Func<string, string?, string?> FindProblem { get; init; } = (_, _) => null;
}
