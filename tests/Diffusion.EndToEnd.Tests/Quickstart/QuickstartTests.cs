using Diffusion.TestKit;

namespace Diffusion.EndToEnd.Tests.Quickstart;

public sealed class QuickstartTests : IDisposable
{
    private static readonly string[] Small = ["--size", "8", "--batch", "2", "--device", "cpu", "--precision", "Float32", "--seed", "3"];

    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public async Task A_run_writes_samples_and_a_checkpoint_and_one_that_Ctrl_C_stopped_is_resumed_to_the_same_weights_bit_for_bit()
    {
        string whole = folder.File("whole");
        Task<ChildProcess.Result> uninterrupted = QuickstartProgram.Run([.. Small, "--steps", "60", "--out", whole]);

        string run = folder.File("stopped");
        string[] arguments = [.. Small, "--steps", "60", "--out", run];
        (int exitCode, string output) = await QuickstartProgram.Interrupt("step 10/60", arguments);

        exitCode.Should().Be(130);
        output.Should().Contain("To resume: dotnet run").And.NotContain("step 60/60");

        ChildProcess.Result resumed = await QuickstartProgram.Run(arguments);
        resumed.ExitCode.Should().Be(0, resumed.Errors);
        resumed.Output.Should().Contain("Resuming from step");

        ChildProcess.Result result = await uninterrupted;
        result.ExitCode.Should().Be(0, result.Errors);
        Directory.GetFiles(whole).Select(Path.GetFileName).Should()
            .BeEquivalentTo("samples.png", "samples.webp", "loss.png", "metrics.jsonl", "report.html", "report.json", "data.png");
        Directory.GetDirectories(Path.Combine(whole, "checkpoints")).Select(Path.GetFileName).Should().Equal("step-000000060");
        result.Output.Should().Contain("step 60/60").And.Contain("images/s").And.Contain("left");
        (await Weights(run)).Should().Equal(await Weights(whole), "the seed is the same");
    }

    [Theory]
    [InlineData("TERM", 143)]
    [InlineData("HUP", 129)]
    public async Task A_machine_that_shuts_down_or_a_connection_that_drops_loses_no_step(string signal, int expected)
    {
        string run = folder.File("stopped");

        (int exitCode, string output) = await QuickstartProgram.Signal("step 10/5,000", signal,
            [.. Small, "--steps", "5000", "--out", run]);

        exitCode.Should().Be(expected, output);
        output.Should().Contain("To resume: dotnet run");
        Directory.GetDirectories(Path.Combine(run, "checkpoints")).Should().ContainSingle("the run saves the step at which it was stopped");
    }

    [Fact]
    public async Task Help_names_every_option()
    {
        ChildProcess.Result result = await QuickstartProgram.Run("--help");
        result.ExitCode.Should().Be(0);
        result.Output.Should().ContainAll("--data", "--size", "--steps", "--batch", "--device", "--precision", "--out", "--seed");
    }

    [Theory]
    [InlineData("--step 3", "--step")]
    [InlineData("--steps many", "many")]
    [InlineData("--steps 0", "Steps (0) must be at least 1")]
    [InlineData("--batch 0", "BatchSize (0)")]
    [InlineData("--size 0", "size")]
    [InlineData("--precision half", "half")]
    [InlineData("--device gpu", "Use best, cpu, cuda")]
    [InlineData("--device cuda:99", "CUDA device 99 was requested")]
    [InlineData("--data {missing}", "missing")]
    [InlineData("--data {empty}", "no image")]
    [InlineData("--data {zero-byte}", "nothing.png")]
    [InlineData("--data {truncated}", "half.png")]
    [InlineData("--data {truncated-idx}", "train-images-idx3-ubyte")]
    [InlineData("--out {a-file}", "a-file")]
    public async Task Bad_input_is_one_clear_line_before_the_first_step(string arguments, string expected)
    {
        string[] given = [.. arguments.Split(' ')
            .Select(argument => argument.StartsWith('{') ? Prepare(argument.Trim('{', '}')) : argument)];
        string[] rest = given.Contains("--out") ? [] : ["--out", folder.File("run")];

        ChildProcess.Result result = await QuickstartProgram.Run([.. given, .. rest]);

        result.ExitCode.Should().BeOneOf([1, 2], result.Output);
        result.Errors.Trim().Split('\n').Should().ContainSingle().Which.Should().Contain(expected);
        result.Output.Should().NotContain("step");
    }

    private static Task<byte[]> Weights(string run) => File.ReadAllBytesAsync(
        Directory.GetFiles(run, "weights.safetensors", SearchOption.AllDirectories).Order(StringComparer.Ordinal).Last(),
        TestContext.Current.CancellationToken);

    private string Prepare(string what)
    {
        string path = folder.File(what);
        byte[] picture = SmallPicture();
        switch (what)
        {
            case "empty":
                Directory.CreateDirectory(path);
                break;
            case "a-file":
                File.WriteAllText(path, "");
                break;
            case "zero-byte":
                File.WriteAllBytes(folder.File(what, "good.png"), picture);
                File.WriteAllBytes(folder.File(what, "nothing.png"), []);
                break;
            case "truncated":
                File.WriteAllBytes(folder.File(what, "half.png"), picture[..(picture.Length / 2)]);
                break;
            case "truncated-idx":
                File.WriteAllBytes(folder.File(what, "train-images-idx3-ubyte"),
                    [0, 0, 8, 3, 0, 0, 0, 9, 0, 0, 0, 28, 0, 0, 0, 28, 1, 2, 3]);
                break;
        }

        return path;
    }

    private byte[] SmallPicture()
    {
        string path = folder.File("picture.png");
        using TorchSharp.torch.Tensor image = TorchSharp.torch.rand(1, 3, 16, 16);
        ImageGrid.Save(image, path);
        byte[] bytes = File.ReadAllBytes(path);
        File.Delete(path);
        return bytes;
    }
}
