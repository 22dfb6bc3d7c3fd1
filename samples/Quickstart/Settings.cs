using Diffusion;

namespace Quickstart;

/// <summary>The settings from the command line.</summary>
internal sealed record Settings
{
    /// <summary>A folder of images or of IDX files; null draws shapes.</summary>
    public string? Data { get; init; }

    /// <summary>Height and width of the images; null for the size of the data, or 32.</summary>
    public int? Size { get; init; }

    public required int Steps { get; init; }

    public required int Batch { get; init; }

    public required string Device { get; init; }

    public required Precision Precision { get; init; }

    /// <summary>The folder of the run; null for a folder under runs/ with the data's name.</summary>
    public string? Out { get; init; }

    public required long Seed { get; init; }

    public string RunFolder =>
        Out ?? Path.Combine("runs", Data is null ? "shapes" : Path.GetFileName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(Data))));

    /// <summary>The command that repeats or resumes this run.</summary>
    public string Command => string.Join(' ', Arguments());

    private IEnumerable<string> Arguments()
    {
        yield return "dotnet run -c Release --project samples/Quickstart --";
        if (Data is not null)
        {
            yield return $"--data {Quoted(Data)}";
        }

        if (Size is not null)
        {
            yield return $"--size {Size}";
        }

        yield return $"--steps {Steps} --batch {Batch} --device {Device} --precision {Precision} --seed {Seed} --out {Quoted(RunFolder)}";
    }

    private static string Quoted(string path) => path.Contains(' ', StringComparison.Ordinal) ? $"\"{path}\"" : path;
}
