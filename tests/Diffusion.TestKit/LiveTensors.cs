using TorchSharp;

namespace Diffusion.TestKit;

/// <summary>Counts the tensors that are alive, so that a test sees a leak.</summary>
public static class LiveTensors
{
    /// <summary>How many tensors of this thread are alive.</summary>
    public static long Count => DisposeScopeManager.Statistics.ThreadTotalLiveCount;

    /// <summary>
    /// How many tensors of all threads are alive, which may fall at any time by what earlier tests left to the garbage collector.
    /// </summary>
    public static long OfProcess => torch.Tensor.TotalCount;

    /// <summary>Collects what earlier tests left, and tells how many tensors of all threads are alive then.</summary>
    public static long Settle()
    {
        GC.Collect();
        GC.WaitForPendingFinalizers();
        return OfProcess;
    }

    /// <summary>Runs work once to warm up, then several times, and tells how many more tensors live afterwards than before.</summary>
    public static long GrowthOver(int repetitions, Action work)
    {
        ArgumentNullException.ThrowIfNull(work);
        work();
        long before = Count;
        for (int i = 0; i < repetitions; i++)
        {
            work();
        }

        return Count - before;
    }
}
