using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using Diffusion.Training;
using static TorchSharp.torch;

namespace Diffusion.Benchmarks;

/// <summary>What goes wrong in one process of a training run.</summary>
/// <param name="Kind">One of <see cref="Kinds"/>, or <see cref="None"/>.</param>
/// <param name="Rank">The rank of the process.</param>
/// <param name="Read">Goes wrong when the process reads its image of this number, from 1.</param>
/// <param name="Delay">The milliseconds that a signal comes later, while the process continues.</param>
internal sealed partial record RankFault(string Kind, int Rank, long Read, int Delay)
{
    public const string None = "none";
    public const string Kill = "kill";
    public const string Stop = "stop";
    public const string Exception = "exception";
    public const string Order = "order";
    private const string File = "failed";
    private const int SigKill = 9;
    private const int SigStop = 19;

    /// <summary>SIGKILL, SIGSTOP, an exception, and an operation that the others do not call.</summary>
    public static IReadOnlyList<string> Kinds { get; } = [Kill, Stop, Exception, Order];

    /// <summary>The file that exists since the fault, in the folder of a trial.</summary>
    public static string FileIn(string folder) => Path.Combine(folder, File);

    /// <summary>When it went wrong.</summary>
    /// <returns>A time stamp of <see cref="Stopwatch"/>, which all processes share; null if nothing has gone wrong yet.</returns>
    public static long? Time(string folder) => System.IO.File.Exists(FileIn(folder))
        ? long.Parse(System.IO.File.ReadAllText(FileIn(folder)), CultureInfo.InvariantCulture)
        : null;

    /// <summary>Lets it go wrong in this process.</summary>
    public void Strike(string folder, IProcessGroup group)
    {
        switch (Kind)
        {
            case Exception:
                Note(folder);
                throw new InvalidOperationException("broken on purpose");
            case Order:
                Note(folder);
                using (Tensor value = zeros(1))
                {
                    group.AllReduce(value, ReduceOperation.Max).Wait();
                }

                break;
            default:
                new Thread(() => Signal(folder)) { IsBackground = true }.Start();
                break;
        }
    }

    private static void Note(string folder)
    {
        string temporary = FileIn(folder) + ".new";
        System.IO.File.WriteAllText(temporary, Stopwatch.GetTimestamp().ToString(CultureInfo.InvariantCulture));
        System.IO.File.Move(temporary, FileIn(folder));
    }

    [LibraryImport("libc", EntryPoint = "kill")]
    private static partial int Signal(int process, int signal);

    private void Signal(string folder)
    {
        Thread.Sleep(Delay);
        Note(folder);
        _ = Signal(Environment.ProcessId, Kind == Kill ? SigKill : SigStop);
    }
}
