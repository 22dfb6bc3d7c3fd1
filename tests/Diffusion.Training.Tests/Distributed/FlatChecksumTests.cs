using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Training.Tests.Distributed;

public sealed class FlatChecksumTests
{
    [Theory]
    [InlineData(ScalarType.Float32)]
    [InlineData(ScalarType.Float64)]
    [InlineData(ScalarType.BFloat16)]
    [InlineData(ScalarType.Int64)]
    public void It_changes_with_any_number_and_with_their_order(ScalarType type)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor values = arange(2000).to(type);
        long before = FlatChecksum.Of(values);

        FlatChecksum.Of(values.clone()).Should().Be(before);
        FlatChecksum.Of(values.flip(0).contiguous()).Should().NotBe(before);
        foreach (int place in (int[])[0, 600, 1999])
        {
            Tensor changed = values.clone();
            changed[place] = tensor(7.5).to(type);
            FlatChecksum.Of(changed).Should().NotBe(before);
        }
    }

    [Fact]
    public void It_covers_the_part_that_a_view_shows()
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor whole = arange(100).to(ScalarType.Float32);

        FlatChecksum.Of(whole.narrow(0, 30, 20)).Should().Be(FlatChecksum.Of(arange(30, 50).to(ScalarType.Float32)));
        FlatChecksum.Of(whole[30]).Should().Be(FlatChecksum.Of(tensor(30f)));
    }
}
