namespace Diffusion.EndToEnd.Tests.Packages;

/// <summary>The programs of <c>samples/FileApps</c>, copied out of the repository, with the packed packages.</summary>
public sealed class FileAppTests(PackedPackages packages) : IDisposable
{
    private readonly FeedFolder folder = new(packages);

    public void Dispose() => folder.Dispose();

    [Fact]
    public async Task An_experiment_is_run_its_model_sampled_and_a_learning_rate_found()
    {
        folder.WritePhotos("photos", count: 8);
        Copy("Notebook.cs");
        Copy("SampleRun.cs");
        Copy("FindLearningRate.cs");
        folder.Edit("FindLearningRate.cs", ("size: 32", "size: 8"), ("BatchSize = 16", "BatchSize = 4"));

        Task<string> rates = folder.RunFile("FindLearningRate.cs", ["photos", "20"]);
        (await folder.RunFile("Notebook.cs", ["2"])).Should().Contain("1000 images").And.Contain("rate 0.0002: loss").And
            .Contain("rate 0.002: loss");
        (await folder.RunFile("SampleRun.cs", ["runs/rate-0.002", "samples.png"])).Should().Contain("Samples of step 2 in samples.png");
        (await rates).Should().Contain("learning rate");

        string[] pictures = ["runs/rate-0.002/loss.png", "runs/rate-0.002/samples.png", "samples.png", "learning-rates.png"];
        pictures.Select(folder.PathOf).Should().OnlyContain(picture => File.Exists(picture));
    }

    // A user's version is that of the newest package; here it is that of the packed ones.
    private void Copy(string program) => File.WriteAllText(
        folder.File(program),
        File.ReadAllText(Path.Combine(BuildFacts.Repository, "samples", "FileApps", program))
            .Replace("@*", $"@{packages.Version}", StringComparison.Ordinal));
}
