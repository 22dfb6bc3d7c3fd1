using static TorchSharp.torch;

namespace Diffusion.Core.Tests.Shared;

public sealed class PinnedScalarsTests
{
    [Fact]
    public void A_garbage_collection_does_not_free_a_number_that_libtorch_reads()
    {
        bool ended = false;
        Thread collector = new(() =>
        {
            while (!Volatile.Read(ref ended))
            {
                GC.Collect(0);
                GC.WaitForPendingFinalizers();
            }
        });
        collector.Start();
        try
        {
            using Tensor tensor = ones(4);
            for (int i = 1; i <= 200_000; i++)
            {
                using Tensor product = tensor.Times(i);
                if (product.data<float>()[3] != i)
                {
                    Assert.Fail($"1 times {i} was {product.data<float>()[3]}.");
                }
            }
        }
        finally
        {
            Volatile.Write(ref ended, true);
            collector.Join();
        }
    }

    [Fact]
    public void Each_does_what_its_name_says()
    {
        using TorchSharp.DisposeScope scope = NewDisposeScope();
        Values(Three().Times(2)).Should().Equal(-2, 0, 6);
        Values(Three().DividedBy(2)).Should().Equal(-0.5f, 0, 1.5f);
        Values(Three().Plus(2)).Should().Equal(1, 2, 5);
        Values(Three().MultiplyBy(2)).Should().Equal(-2, 0, 6);
        Values(Three().DivideBy(2)).Should().Equal(-0.5f, 0, 1.5f);
        Values(Three().Increase(2)).Should().Equal(1, 2, 5);
        Values(Three().Between(-0.5, 2)).Should().Equal(-0.5f, 0, 2);
        Values(Three().AtLeast(0.5)).Should().Equal(0.5f, 0.5f, 3);
        Values(Three().Is(3).to(float32)).Should().Equal(0, 0, 1);
        Values(Three().Fill(7)).Should().Equal(7, 7, 7);
    }

    private static Tensor Three() => tensor(new float[] { -1, 0, 3 });

    private static float[] Values(Tensor tensor) => tensor.data<float>().ToArray();
}
