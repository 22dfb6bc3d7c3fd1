using Diffusion.EndToEnd.Tests.Backend;
using Diffusion.TestKit;
using static TorchSharp.torch;

namespace Diffusion.EndToEnd.Tests.Distributed;

/// <summary>Processes that <c>mpirun</c> starts.</summary>
public sealed class MpirunTests : IDisposable
{
    private readonly ProbeProgram program = new();

    public MpirunTests()
    {
        Assert.SkipUnless(File.Exists("/usr/bin/mpirun"), "mpirun is not installed (apt-get install openmpi-bin libopenmpi3).");
        ProbeProgram.LinkLibtorch(program.Natives);
    }

    [Theory]
    [InlineData(2)]
    [InlineData(4)]
    public async Task Every_operation_is_correct_and_gives_every_rank_the_same_bits(int processes)
    {
        ChildProcess.Result result = await Mpirun(processes, "rank", "operations", "0");

        result.ExitCode.Should().Be(0, result.Errors);
        result.Output.Trim().Split('\n').Should().HaveCount(processes).And.OnlyContain(line => line.EndsWith("all correct"));
    }

    [Theory]
    [InlineData("kill", "rank 1")]
    [InlineData("stop", "rank 1")]
    [InlineData("throw", "broken on purpose")]
    [InlineData("order", "AllReduce Max")]
    [InlineData("leave", "rank 1")]
    [InlineData("abort", "The disk is full.")]
    public async Task If_one_process_fails_all_end_with_the_cause(string failure, string cause)
    {
        ChildProcess.Result result = await Mpirun(2, "rank", failure, "1");

        result.ExitCode.Should().NotBe(0);
        (result.Output + result.Errors).Should().ContainEquivalentOf(cause);
    }

    [Fact]
    public async Task Two_processes_train_as_one_does()
    {
        using TemporaryFolder folder = new();
        string alone = folder.File("alone");
        string together = folder.File("together");
        ChildProcess.Result one = await ChildProcess.Dotnet([.. program.Start, "train", alone, "12"]);
        one.ExitCode.Should().Be(0, one.Errors);

        ChildProcess.Result two = await Mpirun(2, "train", together, "12");

        two.ExitCode.Should().Be(0, two.Errors);
        two.Output.Should().Contain("ended at step 12 with a checkpoint").And.Contain("ended at step 12 without a checkpoint");
        using SafeTensors expected = SafeTensorsFile.Read(Weights(alone));
        using SafeTensors actual = SafeTensorsFile.Read(Weights(together));
        actual.Tensors.Keys.Should().Equal(expected.Tensors.Keys);
        foreach ((string name, Tensor weight) in expected.Tensors)
        {
            actual.Tensors[name].allclose(weight, 1e-4, 1e-5).Should().BeTrue(name);
        }
    }

    public void Dispose() => program.Dispose();

    private static string Weights(string run) =>
        Directory.GetFiles(Path.Combine(run, "checkpoints"), "weights.safetensors", SearchOption.AllDirectories).Single();

    private Task<ChildProcess.Result> Mpirun(int processes, params string[] arguments) => ChildProcess.Run(
        "mpirun", ["--oversubscribe", "-np", $"{processes}", "dotnet", .. program.Start, .. arguments],
        environment: new Dictionary<string, string?>
        {
            ["OMPI_ALLOW_RUN_AS_ROOT"] = "1", ["OMPI_ALLOW_RUN_AS_ROOT_CONFIRM"] = "1",
        });
}
