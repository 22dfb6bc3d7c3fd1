using Diffusion.TestKit;

namespace Diffusion.EndToEnd.Tests.CustomLoop;

public sealed class CustomLoopTests : IDisposable
{
    private static readonly string Assembly = Path.Combine(
        BuildFacts.Repository, "samples", "CustomLoop", "bin", BuildFacts.Configuration, "net10.0", "CustomLoop.dll");

    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public async Task The_loop_trains_samples_and_gives_the_same_picture_again()
    {
        byte[][] pictures = await Task.WhenAll(Picture("first.png", "4"), Picture("same.png", "4"), Picture("longer.png", "5"));

        pictures[1].Should().Equal(pictures[0]);
        pictures[2].Should().NotEqual(pictures[0], "the last step changed the weights that are sampled");
    }

    [Theory]
    [InlineData()]
    [InlineData("samples.png", "none")]
    [InlineData("samples.png", "0")]
    public async Task Bad_input_is_one_clear_line(params string[] arguments)
    {
        ChildProcess.Result result = await ChildProcess.Dotnet(["exec", Assembly, .. arguments]);

        result.ExitCode.Should().Be(2, result.Output);
        result.Errors.Trim().Split('\n').Should().ContainSingle().Which.Should().StartWith("Usage: ");
    }

    private async Task<byte[]> Picture(string name, string steps)
    {
        string path = Path.Combine(folder.Path, name);
        ChildProcess.Result result = await ChildProcess.Dotnet(["exec", Assembly, path, steps]);
        result.ExitCode.Should().Be(0, result.Errors);
        result.Output.Should().Contain($"step {steps}/{steps}  loss ");
        return await File.ReadAllBytesAsync(path, TestContext.Current.CancellationToken);
    }
}
