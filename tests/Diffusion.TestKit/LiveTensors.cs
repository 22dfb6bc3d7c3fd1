using TorchSharp;

namespace Diffusion.TestKit;

/// <summary>Counts the live tensors, so that a test detects a leak.</summary>
public static class LiveTensors
{
    /// <summary>The number of live tensors of this thread.</summary>
    public static long Count => DisposeScopeManager.Statistics.ThreadTotalLiveCount;

    /// <summary>
    /// The number of live tensors of all threads. It can fall at any time when the garbage collector frees tensors of earlier tests.
    /// </summary>
    public static long OfProcess => torch.Tensor.TotalCount;

    /// <summary>Collects the garbage of earlier tests and returns the number of live tensors of all threads.</summary>
    public static long Settle()
    {
        GC.Collect();
        GC.WaitForPendingFinalizers();
        return OfProcess;
    }

    /// <summary>Runs work once as a warm-up and then several times, and returns how much the number of live tensors grew.</summary>
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
