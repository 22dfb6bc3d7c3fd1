using Diffusion.TestKit;
using static TorchSharp.torch;

namespace Diffusion.Training.Tests.Distributed;

/// <summary>The memory that a process may use where others share its machine.</summary>
public sealed class MachineMemoryTests
{
    [Fact]
    public void The_memory_of_a_machine_is_divided_by_its_own_processes()
    {
        UNet2DOptions small = UNet2DOptions.ForImages(8, 1, UNet2DSize.Medium) with
        {
            BlockOutChannels = [8], NormNumGroups = 4, AttentionHeadDim = 4,
        };
        using UNet2D model = new(small, seed: 1);
        using StripedImages images = new();
        using OnTwoMachines group = new();
        GivenParts given = new(model) { Device = ComputeDevice.Cpu(threads: 1), Source = images };
        given.Edits.Edit(o => (o.BatchSize, o.Steps) = (16, 1000));
        given.Distribute(group, new DistributedOptions());

        TrainerSetup setup = SetupCheck.Of(given, []);

        RunMemory.EstimatorOf(setup).MemoryBudgetBytes.Should().Be(setup.Device.MemoryBytes / 2);
    }

    [Fact]
    public void A_group_that_does_not_know_its_machines_counts_all_processes()
    {
        using IProcessGroup group = ProcessGroups.OneProcess();

        group.LocalWorldSize.Should().Be(1);
    }

    /// <summary>Four processes, two on each machine, that compute nothing.</summary>
    private sealed class OnTwoMachines : IProcessGroup
    {
        public string Engine => "none";

        public int Rank => 0;

        public int WorldSize => 4;

        public int LocalRank => 0;

        public int LocalWorldSize => 2;

        public TimeSpan Deadline => TimeSpan.FromSeconds(60);

        public long Step { get; set; }

        public IPendingOperation AllReduce(Tensor values, ReduceOperation operation = ReduceOperation.Sum) =>
            throw new NotSupportedException();

        public IPendingOperation Broadcast(Tensor values, int root = 0) => throw new NotSupportedException();

        public IPendingOperation AllGather(Tensor result, Tensor own) => throw new NotSupportedException();

        public IPendingOperation ReduceScatter(Tensor result, Tensor values, ReduceOperation operation = ReduceOperation.Sum) =>
            throw new NotSupportedException();

        public void Barrier(TimeSpan? deadline = null) => throw new NotSupportedException();

        public void Abort(string reason) => throw new NotSupportedException();

        public void Dispose()
        {
        }
    }
}
