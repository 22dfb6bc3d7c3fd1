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
        byte[] first = await Picture("first.png", "4");
        byte[] same = await Picture("same.png", "4");
        byte[] longer = await Picture("longer.png", "5");

        same.Should().Equal(first);
        longer.Should().NotEqual(first, "the last step changed the weights that are sampled");
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
