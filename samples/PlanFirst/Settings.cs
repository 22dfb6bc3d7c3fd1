using System.Globalization;
using Diffusion;

namespace PlanFirst;

/// <summary>The settings from the command line.</summary>
internal sealed record Settings
{
    public required string Images { get; init; }

    public required int Size { get; init; }

    public required int Batch { get; init; }

    public required UNet2DSize NetworkSize { get; init; }

    public long? Steps { get; init; }

    public double? Minutes { get; init; }

    public double? MemoryGiB { get; init; }

    public double? Rate { get; init; }

    public required bool PlanOnly { get; init; }

    public required string Device { get; init; }

    public string? Out { get; init; }

    public required long Seed { get; init; }

    /// <summary>The folder of the run.</summary>
    public string RunFolder => Out ?? Path.Combine("runs", Path.GetFileName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(Images))));

    /// <summary>The memory for training, in bytes.</summary>
    public long MemoryBytes => MemoryGiB is { } gibibytes
        ? (long)(gibibytes * (1L << 30))
        : GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / 4 * 3;

    /// <summary>Refuses impossible values before anything is read.</summary>
    /// <exception cref="ArgumentException">A number is impossible.</exception>
    public void Check()
    {
        Positive("--batch", Batch);
        Positive("--steps", Steps);
        Positive("--minutes", Minutes);
        Positive("--memory", MemoryGiB);
        Positive("--rate", Rate);
        if (Steps is not null && Minutes is not null)
        {
            throw new ArgumentException("--steps and --minutes were both given. Leave one out.");
        }
    }

    private static void Positive(string name, double? value)
    {
        if (value is { } given && given is not (> 0 and <= int.MaxValue))
        {
            throw new ArgumentException(string.Create(CultureInfo.InvariantCulture,
                $"{name} is {given}, but must be above 0 and at most {int.MaxValue}. Leave it out for its default."));
        }
    }
}
