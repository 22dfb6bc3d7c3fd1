using System.Text.Json.Nodes;
using Diffusion.TestKit;

namespace Diffusion.Training.Tests.Distributed;

/// <summary>What must be the same in all processes of a run, and what need not be.</summary>
public sealed class StartCheckTests
{
    [Theory]
    [InlineData("cuda:0", 8, "cuda:1", 8, true)]
    [InlineData("cuda:0", 8, "cuda:0", 16, true)]
    [InlineData("cpu", 1, "cpu", 1, true)]
    [InlineData("cpu", 1, "cpu", 2, false)]
    [InlineData("cpu", 1, "cuda:0", 1, false)]
    public void Processes_may_have_several_GPUs_but_not_several_kinds_of_device(
        string device, int threads, string other, int otherThreads, bool isSame)
    {
        using TinyModel model = new();
        using StripedImages images = new();
        using Trainer trainer = Trainer.For(model).UseDevice(ComputeDevice.Cpu(threads: 1)).UseData(images)
            .Configure(o => (o.BatchSize, o.Steps) = (4, 3)).Build();
        CheckpointManifest run = trainer.State.Manifest();

        JsonObject first = StartCheck.Comparable(run with { Device = device, CpuThreads = threads });
        JsonObject second = StartCheck.Comparable(run with { Device = other, CpuThreads = otherThreads });

        JsonNode.DeepEquals(first, second).Should().Be(isSame);
    }
}
