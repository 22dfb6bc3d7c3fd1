using System.Text.Json;
using Diffusion.TestKit;

namespace Diffusion.Sampling.Tests.Diffusers;

/// <summary>
/// The folder <c>pipelines</c> below the folder of reference files: files that diffusers saved, and what it made of them. Every folder in
/// it is a case, so that more can be added.
/// </summary>
public static class PipelineFolder
{
    public const string None = "(none)";

    private const string SchedulerFile = "scheduler_config.json";

    private static readonly string? Root = ReferenceFolder.Find("pipelines");

    /// <summary>Scheduler files: a class and a case of it.</summary>
    public static TheoryData<string> Schedulers => Cases("scheduler-configs", "*/*", SchedulerFile);

    /// <summary>Scheduler files of old versions.</summary>
    public static TheoryData<string> OldSchedulers => Cases("legacy-scheduler-configs", "*", SchedulerFile);

    /// <summary>Whole pipelines.</summary>
    public static TheoryData<string> Pipelines => Cases("", "*", "model_index.json");

    /// <summary>Networks with their average.</summary>
    public static TheoryData<string> Averages => Cases("", "*", "io.safetensors");

    public static string PathOf(string name)
    {
        Assert.SkipWhen(Root is null, ReferenceFolder.Missing);
        name.Should().NotBe(None, $"{Root} must hold such cases");
        return Path.Combine(Root!, name);
    }

    public static string Scheduler(string name) => File.ReadAllText(Path.Combine(PathOf(name), SchedulerFile));

    public static JsonDocument Expected(string name) => JsonDocument.Parse(File.ReadAllText(Path.Combine(PathOf(name), "expected.json")));

    public static double[] Numbers(JsonElement list) => [.. list.EnumerateArray().Select(number => number.GetDouble())];

    private static TheoryData<string> Cases(string folder, string depth, string file)
    {
        string? parent = Root is null ? null : Path.Combine(Root, folder);
        if (parent is null || !Directory.Exists(parent))
        {
            return [None];
        }

        IEnumerable<string> folders = Directory.GetDirectories(parent);
        folders = depth == "*" ? folders : folders.SelectMany(Directory.GetDirectories);
        return
        [
            .. folders.Where(one => File.Exists(Path.Combine(one, file))).Select(one => Path.GetRelativePath(Root!, one))
                .Order(StringComparer.Ordinal).DefaultIfEmpty(None),
        ];
    }
}
