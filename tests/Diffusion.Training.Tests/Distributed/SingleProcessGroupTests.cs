using static TorchSharp.torch;

namespace Diffusion.Training.Tests.Distributed;

public sealed class SingleProcessGroupTests
{
    [Fact]
    public void Its_operations_give_what_they_promise()
    {
        using IProcessGroup group = ProcessGroups.OneProcess();

        CollectiveCases.RunAll(group, count: 11);
    }

    [Fact]
    public void Wrong_arguments_are_refused()
    {
        using IProcessGroup group = ProcessGroups.OneProcess();
        using Tensor doubles = zeros(4, ScalarType.Float64);
        using Tensor floats = zeros(4, 2);
        using Tensor transposed = floats.t();
        using Tensor three = zeros(3);

        group.Invoking(g => g.AllReduce(doubles)).Should().Throw<ArgumentException>()
            .WithMessage("values is Float64, but processes exchange float32, bfloat16, float16 and int64 only. Convert it.*");
        group.Invoking(g => g.AllReduce(transposed)).Should().Throw<ArgumentException>().WithMessage("values is not contiguous.*");
        group.Invoking(g => g.Broadcast(three, root: 1)).Should().Throw<ArgumentOutOfRangeException>();
        group.Invoking(g => g.AllGather(floats, three)).Should().Throw<ArgumentException>().WithMessage("result has 8 elements*");
        group.Invoking(g => g.AllReduce(three, (ReduceOperation)9)).Should().Throw<ArgumentOutOfRangeException>();
    }

    [Fact]
    public void After_an_abort_operations_throw_its_reason()
    {
        using IProcessGroup group = ProcessGroups.OneProcess();
        group.Abort("The disk is full.");

        group.Invoking(g => g.Barrier()).Should().Throw<DistributedException>().WithMessage("*The disk is full.");
    }
}
