using System.Diagnostics;
using System.Runtime.InteropServices;

namespace Diffusion.Benchmarks;

/// <summary>The processor time of the current thread. It does not include time in which other threads run.</summary>
internal static partial class ThreadClock
{
    private const int ThreadTime = 3; // CLOCK_THREAD_CPUTIME_ID of Linux

    /// <summary>The time since the thread began; on other systems than Linux, the elapsed time.</summary>
    public static TimeSpan Elapsed => OperatingSystem.IsLinux() && Read(ThreadTime, out Spec time) == 0
        ? TimeSpan.FromTicks((time.Seconds * TimeSpan.TicksPerSecond) + (time.Nanoseconds / TimeSpan.NanosecondsPerTick))
        : Stopwatch.GetElapsedTime(0);

    [LibraryImport("libc", EntryPoint = "clock_gettime")]
    private static partial int Read(int clock, out Spec time);

    [StructLayout(LayoutKind.Sequential)]
    private readonly struct Spec
    {
        public readonly nint Seconds;
        public readonly nint Nanoseconds;
    }
}
