using Diffusion.TestKit;

namespace Diffusion.EndToEnd.Tests.CustomModel;

public sealed class CustomModelTests : IDisposable
{
    private static readonly string Assembly = Path.Combine(
        BuildFacts.Repository, "samples", "CustomModel", "bin", BuildFacts.Configuration, "net10.0", "CustomModel.dll");

    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public async Task A_plain_module_is_trained_and_sampled_and_the_same_seed_gives_the_same_picture()
    {
        byte[][] pictures = await Task.WhenAll(
            Picture("first.png", "5", "--seed", "3"), Picture("same.png", "5", "--seed", "3"), Picture("longer.png", "6", "--seed", "3"));

        pictures[1].Should().Equal(pictures[0]);
        pictures[2].Should().NotEqual(pictures[0], "the last step changed the weights that are sampled");
    }

    [Theory]
    [InlineData("samples.png --device cuda:77", 1)]
    [InlineData("samples.png --steps none", 2)]
    [InlineData("samples.png --steps 0", 1)]
    [InlineData("", 2)]
    public async Task Bad_input_is_one_clear_line(string arguments, int exitCode)
    {
        string[] parts = arguments.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        string[] given = parts.Length == 0 ? [] : [Path.Combine(folder.Path, parts[0]), .. parts[1..]];

        ChildProcess.Result result = await Run(given);

        result.ExitCode.Should().Be(exitCode, result.Output);
        result.Errors.Trim().Split('\n').Should().ContainSingle();
    }

    private static Task<ChildProcess.Result> Run(params string[] arguments) => ChildProcess.Dotnet(["exec", Assembly, .. arguments]);

    private async Task<byte[]> Picture(string name, string steps, params string[] rest)
    {
        string path = Path.Combine(folder.Path, name);
        ChildProcess.Result result = await Run([path, "--device", "cpu", "--steps", steps, .. rest]);
        result.ExitCode.Should().Be(0, result.Errors);
        result.Output.Should().Contain($"step {steps}/{steps}");
        return await File.ReadAllBytesAsync(path, TestContext.Current.CancellationToken);
    }
}
