using System.Text.Json;
using Diffusion.TestKit;

namespace Diffusion.Sampling.Tests.Traces;

/// <summary>
/// The folder <c>samplers</c> below the folder of reference files: every folder in it is a case, so that more can be added, and
/// <c>faults.json</c> names the cases in which the library that recorded them differs from the derivation.
/// </summary>
public static class TraceFolder
{
    public const string None = "(none)";

    private static readonly string? Root = ReferenceFolder.Find("samplers");

    private static readonly Lazy<Dictionary<string, (int Fault, string Part)[]>> Faults = new(ReadFaults);

    /// <summary>Recorded runs.</summary>
    public static TheoryData<string> Runs => Names(isTable: false, _ => true);

    /// <summary>Recorded runs of diffusers.</summary>
    public static TheoryData<string> DiffusersRuns =>
        Names(isTable: false, name => !name.StartsWith("k_", StringComparison.Ordinal));

    /// <summary>Recorded tables whose names start so.</summary>
    public static TheoryData<string> Tables(params string[] prefixes) =>
        Names(isTable: true, name => prefixes.Any(prefix => name.StartsWith(prefix, StringComparison.Ordinal)));

    /// <summary>Whether a part of a case, "step", "grid" or "schedule", differs from the derivation.</summary>
    public static bool HasFault(string name, string part) => FaultsOf(name).Any(fault => fault.Part == part);

    /// <summary>Whether a case is named with a fault, by its number.</summary>
    public static bool HasFault(string name, int number) => FaultsOf(name).Any(fault => fault.Fault == number);

    public static SamplerTrace Open(string name)
    {
        Assert.SkipWhen(Root is null, ReferenceFolder.Missing);
        name.Should().NotBe(None, $"{Root} must hold such cases");
        return new SamplerTrace(Path.Combine(Root!, name));
    }

    private static TheoryData<string> Names(bool isTable, Func<string, bool> isOne)
    {
        if (Root is null)
        {
            return [None];
        }

        string[] names =
        [
            .. Directory.GetDirectories(Root).Where(folder => File.Exists(Path.Combine(folder, "trace.safetensors")))
                .Where(folder => IsTable(folder) == isTable).Select(folder => Path.GetFileName(folder)!).Where(isOne)
                .Order(StringComparer.Ordinal),
        ];
        return [.. names.DefaultIfEmpty(None)];
    }

    private static bool IsTable(string folder)
    {
        using JsonDocument document = JsonDocument.Parse(File.ReadAllText(Path.Combine(folder, "case.json"))
            .Replace("-Infinity", "null", StringComparison.Ordinal));
        return document.RootElement.TryGetProperty("kind", out JsonElement kind) && kind.GetString() == "table";
    }

    private static (int Fault, string Part)[] FaultsOf(string name) => Faults.Value.GetValueOrDefault(name) ?? [];

    private static Dictionary<string, (int Fault, string Part)[]> ReadFaults()
    {
        string path = Path.Combine(Root!, "faults.json");
        using JsonDocument document = JsonDocument.Parse(File.Exists(path) ? File.ReadAllText(path) : "{}");
        return document.RootElement.EnumerateObject().ToDictionary(
            entry => entry.Name,
            entry => entry.Value.EnumerateArray()
                .Select(fault => (fault.GetProperty("fault").GetInt32(), fault.GetProperty("part").GetString()!)).ToArray());
    }
}
