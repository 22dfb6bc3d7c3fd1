using Diffusion.TestKit;
using Diffusion.TestKit.Resuming;
using static TorchSharp.torch;

namespace Diffusion.Training.Tests;

/// <summary>Runs that an earlier version of the library began resume here and end as they ended there.</summary>
public sealed class EarlierRunsTests : IDisposable
{
    // Another processor rounds sums of a few dozen float32 numbers otherwise; a changed draw, order or formula moves weights by 1e-3.
    private const double Tolerance = 1e-5;

    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Theory]
    [InlineData("plain")]
    [InlineData("two averages")]
    [InlineData("class labels")]
    [InlineData("held-out images")]
    [InlineData("transforms")]
    public void A_run_that_an_earlier_version_began_resumes_and_ends_with_the_same_weights(string name)
    {
        string earlier = Path.Combine(AppContext.BaseDirectory, "Fixtures", "EarlierRuns", name.Replace(' ', '-'));
        string saved = Path.Combine(earlier, "checkpoints", "step-000000006");
        string own = folder.File("checkpoints", "step-000000006");
        Directory.CreateDirectory(own);
        foreach (string file in Directory.GetFiles(saved))
        {
            File.Copy(file, Path.Combine(own, Path.GetFileName(file)));
        }

        ResumeCase.Named(name).Train(folder.Path, steps: 12).Should().StartWith("12 48 0 ");

        string end = folder.File("checkpoints", "step-000000012");
        foreach (string file in new[] { "weights.safetensors", "ema.safetensors", "optimizer.safetensors" })
        {
            Same(Path.Combine(end, file), Path.Combine(earlier, "end", file));
        }
    }

    private static void Same(string path, string expectedPath)
    {
        using SafeTensors actual = SafeTensorsFile.Read(path);
        using SafeTensors expected = SafeTensorsFile.Read(expectedPath);
        actual.Tensors.Keys.Should().BeEquivalentTo(expected.Tensors.Keys);
        foreach ((string name, Tensor tensor) in expected.Tensors)
        {
            actual.Tensors[name].MaxDifference(tensor).Should().BeLessThan(Tolerance, "{0} in {1}", name, Path.GetFileName(path));
        }
    }
}
