using System.Text.Json;
using Diffusion.TestKit;

namespace Diffusion.Training.Tests.Objectives.Reference;

/// <summary>The tables of <c>objectives</c> below the folder of reference files, which were computed outside of this library.</summary>
internal static class ObjectiveTables
{
    /// <summary>The one case of a theory where the files are not available.</summary>
    public const string None = "(none)";

    private static readonly string? Folder = ReferenceFolder.Find("objectives");

    /// <summary>A table; skips the test where the files are not available.</summary>
    public static JsonElement Json(string name)
    {
        Assert.SkipWhen(Folder is null, ReferenceFolder.Missing);
        return Parse(name);
    }

    /// <summary>The tensors of a file, which the caller disposes; skips the test where the files are not available.</summary>
    public static SafeTensors Tensors(string name)
    {
        Assert.SkipWhen(Folder is null, ReferenceFolder.Missing);
        return SafeTensorsFile.Read(Path.Combine(Folder!, name));
    }

    /// <summary>The cases of a table, for a theory.</summary>
    public static TheoryData<string> Cases(string name, Func<JsonElement, IEnumerable<string>> list) =>
        Folder is null ? [None] : [.. list(Parse(name))];

    /// <summary>A list of numbers.</summary>
    public static double[] Numbers(this JsonElement list) => [.. list.EnumerateArray().Select(number => number.GetDouble())];

    /// <summary>The list of numbers of a name.</summary>
    public static double[] Numbers(this JsonElement entry, string name) => entry.GetProperty(name).Numbers();

    /// <summary>The names of an object's entries.</summary>
    public static IEnumerable<string> Names(this JsonElement entry) => entry.EnumerateObject().Select(each => each.Name);

    /// <summary>Two numbers that differ by a fraction of the expected one at most.</summary>
    public static void ShouldBeClose(this double actual, double expected, double tolerance, string because = "") =>
        actual.Should().BeApproximately(expected, tolerance * Math.Abs(expected), because);

    private static JsonElement Parse(string name)
    {
        using JsonDocument document = JsonDocument.Parse(File.ReadAllText(Path.Combine(Folder!, name)));
        return document.RootElement.Clone();
    }
}
