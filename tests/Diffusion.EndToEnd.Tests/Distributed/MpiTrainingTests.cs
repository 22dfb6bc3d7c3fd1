using System.Globalization;
using Diffusion.TestKit;
using static TorchSharp.torch;

namespace Diffusion.EndToEnd.Tests.Distributed;

/// <summary>A run that the processes of <c>mpirun</c> share.</summary>
public sealed class MpiTrainingTests
{
    private const int Steps = 12;

    [Theory]
    [InlineData(MpiRun.OpenMpi)]
    [InlineData(MpiRun.Mpich)]
    public async Task Two_processes_train_as_one_does(string mpi)
    {
        using TemporaryFolder folder = new();
        ChildProcess.Result one = await MpiRun.Train(mpi, 1, folder.File("one"), Steps);
        ChildProcess.Result two = await MpiRun.Train(mpi, 2, folder.File("two"), Steps);

        one.ExitCode.Should().Be(0, one.Errors);
        two.ExitCode.Should().Be(0, two.Errors);
        two.Output.Should().Contain("ended at step 12 with a checkpoint").And.Contain("ended at step 12 without a checkpoint");
        using SafeTensors expected = SafeTensorsFile.Read(Weights(folder.File("one")));
        using SafeTensors actual = SafeTensorsFile.Read(Weights(folder.File("two")));
        actual.Tensors.Keys.Should().Equal(expected.Tensors.Keys);

        // The loss does not depend on the bias of the keys, which adds the same to the scores of all of them. Its gradient is rounding,
        // which AdamW scales up.
        foreach ((string name, Tensor weight) in expected.Tensors.Where(pair => !pair.Key.EndsWith("to_k.bias", StringComparison.Ordinal)))
        {
            actual.Tensors[name].allclose(weight, 1e-4, 1e-5).Should().BeTrue(name);
        }
    }

    [Theory]
    [InlineData(MpiRun.OpenMpi)]
    [InlineData(MpiRun.Mpich)]
    public async Task Processes_that_hold_parts_save_the_same_checkpoint(string mpi)
    {
        using TemporaryFolder folder = new();
        ChildProcess.Result whole = await MpiRun.Train(mpi, 2, folder.File("whole"), Steps);
        ChildProcess.Result parts = await MpiRun.TrainParts(mpi, 2, folder.File("parts"), Steps);

        whole.ExitCode.Should().Be(0, whole.Errors);
        parts.ExitCode.Should().Be(0, parts.Errors);
        string[] expected = Tensors(folder.File("whole"));
        string[] actual = Tensors(folder.File("parts"));
        expected.Should().HaveCount(3);
        actual.Zip(expected).Should().HaveCount(3).And.AllSatisfy(pair =>
            File.ReadAllBytes(pair.First).Should().Equal(File.ReadAllBytes(pair.Second)));
    }

    [Theory]
    [InlineData(MpiRun.OpenMpi)]
    [InlineData(MpiRun.Mpich)]
    public async Task Two_processes_find_the_learning_rate_and_the_plan_of_one_and_end_without_a_trainer(string mpi)
    {
        ChildProcess.Result one = await MpiRun.Tune(mpi, 1);
        ChildProcess.Result two = await MpiRun.Tune(mpi, 2);

        one.ExitCode.Should().Be(0, one.Errors);
        two.ExitCode.Should().Be(0, two.Errors);
        double[] expected = Losses(Lines(one, "losses").Single());
        Lines(two, "losses").Should().HaveCount(2).And.AllSatisfy(line => Losses(line).Zip(expected).Should().HaveCount(10).And
            .AllSatisfy(pair => pair.First.Should().BeApproximately(pair.Second, 1e-4 * pair.Second)));
        foreach (string name in new[] { "losses", "suggested", "plan" })
        {
            Lines(two, name).Distinct().Should().ContainSingle("both ranks have the same");
        }

        Lines(two, "plan")[0].Should().Contain("\"imagesPerProcess\": 4").And.Contain("\"processes\": 2");
        Lines(one, "plan")[0].Should().Contain("\"imagesPerProcess\": 8").And.Contain("\"processes\": 1");

        static string[] Lines(ChildProcess.Result result, string name) =>
            [.. result.Output.Split('\n').Where(line => line.StartsWith($"{name} ", StringComparison.Ordinal))];

        static double[] Losses(string line) =>
            [.. line.Split(' ')[1..].Select(loss => double.Parse(loss, CultureInfo.InvariantCulture))];
    }

    [Theory]
    [InlineData(MpiRun.OpenMpi)]
    [InlineData(MpiRun.Mpich)]
    public async Task Different_options_are_named_on_both_ranks(string mpi)
    {
        using TemporaryFolder folder = new();

        ChildProcess.Result result = await MpiRun.Contexts(mpi, MpiRun.Trainer(folder.Path, 12), MpiRun.Trainer(folder.Path, 13));

        result.ExitCode.Should().NotBe(0);
        result.Errors.Split("options.steps is 12 on rank 0 and 13 on rank 1").Should().HaveCount(3);
        Directory.GetFiles(folder.Path).Should().BeEmpty();
    }

    private static string[] Tensors(string run) =>
        [.. Directory.GetFiles(run, "*.safetensors", SearchOption.AllDirectories).Order(StringComparer.Ordinal)];

    private static string Weights(string run) =>
        Directory.GetFiles(Path.Combine(run, "checkpoints"), "weights.safetensors", SearchOption.AllDirectories).Single();
}
