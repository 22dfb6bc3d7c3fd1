using System.Text.Json;
using Diffusion.TestKit;
using TorchSharp;

namespace Diffusion.EndToEnd.Tests.PlanFirst;

public sealed class PlanFirstTests : IDisposable
{
    private static readonly string Assembly = Path.Combine(
        BuildFacts.Repository, "samples", "PlanFirst", "bin", BuildFacts.Configuration, "net10.0", "PlanFirst.dll");

    private readonly TemporaryFolder folder = new();

    private string Images => Path.Combine(folder.Path, "images");

    private string Out => Path.Combine(folder.Path, "out");

    public void Dispose() => folder.Dispose();

    // The two programs run side by side: each measures steps for several seconds.
    [Fact]
    public async Task One_program_only_plans_and_stores_nothing_and_another_trains_as_planned_and_resumes_with_what_it_chose()
    {
        string planned = Path.Combine(folder.Path, "planned");
        Task<ChildProcess.Result> planOnly = Run("--minutes", "0.1", "--plan-only", "--out", planned);
        ChildProcess.Result first = await Run("--steps", "2", "--rate", "1e-3", "--memory", "0.0252");
        first.ExitCode.Should().Be(0, first.Errors);
        first.Output.Should().ContainAll("learning rate  1e-3", "Training 2 steps.", "step 2/2", "Samples");
        Directory.GetFiles(Out, "samples*.png").Should().HaveCount(3, "there is an image for every step, and one at the end");
        first.Output.Should().Contain("passes of 1 images");

        ChildProcess.Result result = await planOnly;
        result.ExitCode.Should().Be(0, result.Errors);
        result.Output.Should().ContainAll("Memory (of", "activations", "into 1 passes of 4", "A tiny batch", "TenthOfLowest", "this run",
            "suggested", "first samples", "checkpoints", "sampling");
        result.Output.Should().NotContain("Training");
        result.Output.Should().Contain("38 of 3 x 8 x 8, 2 held out");
        Directory.Exists(planned).Should().BeFalse("--plan-only stores nothing");

        using (JsonDocument plan = JsonDocument.Parse(await File.ReadAllTextAsync(Path.Combine(Out, "plan.json"),
            TestContext.Current.CancellationToken)))
        {
            plan.RootElement.GetProperty("images").GetInt64().Should().Be(38);
        }

        ChildProcess.Result[] refused = await Task.WhenAll(Run("--steps", "500"), Run("--minutes", "1"), Run("--rate", "1e-2"));
        refused[0].Errors.Should().Contain("was planned with 2 steps, not --steps 500");
        refused[1].Errors.Should().Contain("was planned with 2 steps, not --minutes 1");
        refused[2].Errors.Should().Contain("a learning rate of 0.001, not --rate 0.01");
        ChildProcess.Result again = await Run();
        again.Output.Should().Contain("Resuming from step 2 of 2").And.NotContain("Learning rate");

        string choices = Path.Combine(Out, "choices.json");
        CancellationToken stop = TestContext.Current.CancellationToken;
        await File.WriteAllTextAsync(choices, (await File.ReadAllTextAsync(choices, stop))
            .Replace("\"batchSize\": 4", "\"batchSize\": 16", StringComparison.Ordinal), stop);
        ChildProcess.Result other = await Run();
        other.Errors.Should().Contain("was planned with --batch 16, not 4").And.Contain("another folder with --out");
    }

    [Theory]
    [InlineData("--steps 0", "--steps is 0")]
    [InlineData("--minutes -1", "--minutes is -1")]
    [InlineData("--rate NaN", "--rate is NaN")]
    [InlineData("--steps 3 --minutes 3", "Leave one out")]
    [InlineData("--memory 0.001", "Not even one image fits")]
    [InlineData("--size 3", "size")]
    [InlineData("--many 3", "--many")]
    [InlineData("--network tiny", "tiny")]
    [InlineData("--device gpu", "Use best, cpu, cuda")]
    public async Task Bad_input_is_one_clear_line_before_any_work(string arguments, string expected)
    {
        ChildProcess.Result result = await Run(arguments.Split(' '));

        result.ExitCode.Should().BeOneOf([1, 2], result.Output);
        result.Errors.Trim().Split('\n').Should().ContainSingle().Which.Should().Contain(expected);
        result.Output.Should().NotContain("Learning rate");
    }

    [Fact]
    public async Task Numbers_have_a_decimal_point_on_a_German_computer_too()
    {
        ChildProcess.Result result = await Run(["--memory", "0.001", "--plan-only"], new Dictionary<string,
            string?> { ["LANG"] = "de_DE.UTF-8", ["LC_ALL"] = "de_DE.UTF-8" });
        result.Errors.Should().Contain("Not even one image fits");
        result.Output.Should().Contain("Memory (of 0.0 GiB)");
    }

    private Task<ChildProcess.Result> Run(params string[] arguments) => Run(arguments, new Dictionary<string, string?>());

    private Task<ChildProcess.Result> Run(string[] arguments, Dictionary<string, string?> environment)
    {
        WriteImages();
        string[] size = arguments.Contains("--size") ? [] : ["--size", "8"];
        string[] network = arguments.Contains("--network") ? [] : ["--network", "small"];
        string[] output = arguments.Contains("--out") ? [] : ["--out", Out];
        return ChildProcess.Dotnet(["exec", Assembly, Images, .. size, "--batch", "4", .. network, .. output, .. arguments],
            environment: environment);
    }

    private void WriteImages()
    {
        if (!Directory.Exists(Images))
        {
            Directory.CreateDirectory(Images);
            for (int i = 0; i < 40; i++)
            {
                using torch.Tensor image = torch.rand(1, 3, 8, 8);
                ImageGrid.Save(image, Path.Combine(Images, $"{i}.png"));
            }
        }
    }
}
