using Diffusion.Tool.RunFiles;
using Diffusion.Training;

namespace Diffusion.Tool.Tests;

/// <summary>The learning rate that is found before a run.</summary>
public sealed class RateFinderTests : IDisposable
{
    private const string Sweep = "rateFinder={enabled: true, range: {steps: 60, confirmationSteps: 0, evaluationImages: 8}}";
    private const string Begins = "Finding the learning rate.";

    private readonly SmallPhotos photos = new();

    [Fact]
    public void A_run_trains_with_the_rate_that_was_found_and_resumes_with_it()
    {
        string found = Train(photos.RunFile, 1, "--set", Sweep);

        found.Should().Contain(Begins).And.Contain("Use a peak learning rate of ").And.Contain("Completed at step 1");
        double rate = Resolved().RateFinder.Found!.Value;
        rate.Should().BeInRange(1e-8, 1).And.NotBe(1e-3, "that is the rate of the file");
        Rates().Should().Be((rate, rate));

        string same = Train(photos.RunFile, 2, "--set", Sweep);
        same.Should().NotContain(Begins).And.Contain("which the finder found earlier").And.Contain("Resuming from step 1 of 2.");
        Rates().Should().Be((rate, rate));

        string resolved = Train(Path.Combine(photos.Run, RunFileReader.ResolvedName), 3);
        resolved.Should().NotContain(Begins).And.Contain("Resuming from step 2 of 3.");
        Rates().Should().Be((rate, rate));

        Train(photos.RunFile, 4);
        Resolved().RateFinder.Should().Match<RateFinderSection>(finder => !finder.Enabled && finder.Found == rate);
        Train(photos.RunFile, 5, "--set", Sweep).Should().NotContain(Begins);
        Rates().Should().Be((rate, rate));
    }

    [Fact]
    public void Another_run_finds_its_own_rate_even_with_the_run_file_of_one_that_has_found_it()
    {
        Train(photos.RunFile, 1, "--set", Sweep);
        string other = Path.Combine(Path.GetDirectoryName(photos.Run)!, "other");
        Train(Path.Combine(photos.Run, RunFileReader.ResolvedName), 1, "--out", other).Should().Contain(Begins);
    }

    [Fact]
    public void A_run_that_began_without_the_finder_keeps_its_rate()
    {
        Train(photos.RunFile, 1);

        ToolRun run = ToolRun.Of("train", photos.RunFile, "--set", "training.steps=2", "--set", "report={samples: 0}", "--set", Sweep);

        run.ExitCode.Should().Be(2);
        run.Errors.Should().StartWith("error: rateFinder.enabled is true, but the run in '")
            .And.Contain("began without it. Set it to false");
        Rates().Should().Be((1e-3, 1e-3));
    }

    [Fact]
    public void A_sweep_without_a_suggestion_is_exit_code_1()
    {
        ToolRun run = ToolRun.Of("train", photos.RunFile, "--set",
            "rateFinder={enabled: true, range: {lowest: 1e-9, highest: 1e-7, steps: 20, confirmationSteps: 0}}");

        run.ExitCode.Should().Be(1);
        run.Errors.TrimEnd().Should().StartWith("error: The finder suggests no learning rate: ")
            .And.EndWith("Or set training.learningRate.peak, and rateFinder.enabled to false.").And.NotContain("\n");
        Directory.Exists(photos.Run).Should().BeFalse("the run did not begin");
    }

    [Theory]
    [InlineData("rateFinder={enabled: true, range: {steps: 5}}", "LrRangeOptions.Steps (5) must be in 20..10000. Use 200.")]
    [InlineData("training.batchSize=0", "BatchSize (0)")]
    public void What_the_finder_cannot_try_is_exit_code_2(string setting, string expected)
    {
        ToolRun run = ToolRun.Of("train", photos.RunFile, "--set", "rateFinder.enabled=true", "--set", setting);

        (run.ExitCode, run.Output).Should().Be((2, ""));
        run.Errors.Should().Contain(expected);
    }

    public void Dispose() => photos.Dispose();

    private static string Train(string file, int steps, params string[] settings) =>
        ToolRun.Succeed(["train", file, "--set", $"training.steps={steps}", "--set", "report={samples: 0}", .. settings]);

    private RunFile Resolved() => RunFileReader.Read(Path.Combine(photos.Run, RunFileReader.ResolvedName), [], runFolder: null);

    // The peaks of the resolved run file and of the newest checkpoint.
    private (double File, double Checkpoint) Rates()
    {
        using CheckpointStore checkpoints = new(photos.Run);
        return (Resolved().Training.LearningRate.Peak, checkpoints.ReadLatestManifest()!.Options.LearningRate.Peak);
    }
}
