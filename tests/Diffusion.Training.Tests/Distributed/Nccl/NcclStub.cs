using System.Globalization;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Diffusion.Training.Tests.Distributed.Nccl;

/// <summary>
/// NCCL and CUDA's driver without a GPU: notes every call, and does what the test says. Memory of the device is that of the process, and
/// the operations of a group of one copy at once.
/// </summary>
internal static unsafe class NcclStub
{
    public const nint Context = 0x10;
    public const nint Stream = 0x20;
    public const nint Communicator = 0x30;
    private const int Success = 0;
    private const int NotReady = 600;
    private const int InProgress = 7;

    private static readonly Lock Gate = new();
    private static readonly List<string> Noted = [];
    private static readonly Dictionary<string, int> Codes = [];
    private static readonly HashSet<string> MissingNames = [];
    private static readonly HashSet<nint> Finished = [];
    private static readonly nint Text = Marshal.StringToCoTaskMemUTF8("unhandled system error");
    private static nint cause;
    private static long events;

    /// <summary>The version that the library reports.</summary>
    public static int Version { get; set; }

    /// <summary>Whether operations end when they start; else <see cref="FinishAll"/> ends them.</summary>
    public static bool EndsAtOnce { get; set; }

    /// <summary>How often the communicator is still busy when it is asked after a call.</summary>
    public static int BusyLooks { get; set; }

    /// <summary>Whether the communicator is always busy.</summary>
    public static bool IsStuck { get; set; }

    /// <summary>The state of the communicator.</summary>
    public static int AsyncError { get; set; }

    /// <summary>The configuration of the communicator.</summary>
    public static NcclConfig Config { get; private set; }

    /// <summary>The id that the communicator was made with.</summary>
    public static byte[] Id { get; private set; } = [];

    /// <summary>The calls so far, except looks at events and at the communicator, and changes of the context.</summary>
    public static IReadOnlyList<string> Calls
    {
        get
        {
            lock (Gate)
            {
                return [.. Noted];
            }
        }
    }

    /// <summary>Forgets everything.</summary>
    public static void Reset()
    {
        lock (Gate)
        {
            Noted.Clear();
            Codes.Clear();
            MissingNames.Clear();
            Finished.Clear();
            (Version, EndsAtOnce, BusyLooks, IsStuck, AsyncError, cause, events) = (22705, true, 0, false, Success, 0, 0x100);
        }
    }

    /// <summary>Makes a function return an error.</summary>
    public static void Fail(string function, int code) => Codes[function] = code;

    /// <summary>Sets the text of the last error.</summary>
    public static void SetCause(string text) => cause = Marshal.StringToCoTaskMemUTF8(text);

    /// <summary>Makes a function absent.</summary>
    public static void Remove(string function) => MissingNames.Add(function);

    /// <summary>Ends all operations that have started.</summary>
    public static void FinishAll()
    {
        lock (Gate)
        {
            Finished.UnionWith(Enumerable.Range(0x101, 100).Select(number => (nint)number));
        }
    }

    /// <summary>The address of a function; 0 if it is absent.</summary>
    public static nint Symbol(string name) => MissingNames.Contains(name) ? 0 : name switch
    {
        "ncclGetVersion" => (nint)(delegate* unmanaged<int*, int>)&GetVersion,
        "ncclGetUniqueId" => (nint)(delegate* unmanaged<NcclUniqueId*, int>)&GetUniqueId,
        "ncclCommInitRankConfig" => (nint)(delegate* unmanaged<nint*, int, NcclUniqueId, int, NcclConfig*, int>)&InitRank,
        "ncclCommGetAsyncError" => (nint)(delegate* unmanaged<nint, int*, int>)&GetAsyncError,
        "ncclAllReduce" => (nint)(delegate* unmanaged<nint, nint, nuint, int, int, nint, nint, int>)&AllReduce,
        "ncclBroadcast" => (nint)(delegate* unmanaged<nint, nint, nuint, int, int, nint, nint, int>)&Broadcast,
        "ncclAllGather" => (nint)(delegate* unmanaged<nint, nint, nuint, int, nint, nint, int>)&AllGather,
        "ncclReduceScatter" => (nint)(delegate* unmanaged<nint, nint, nuint, int, int, nint, nint, int>)&ReduceScatter,
        "ncclCommFinalize" => (nint)(delegate* unmanaged<nint, int>)&CommFinalize,
        "ncclCommDestroy" => (nint)(delegate* unmanaged<nint, int>)&CommDestroy,
        "ncclCommAbort" => (nint)(delegate* unmanaged<nint, int>)&CommAbort,
        "ncclGetErrorString" => (nint)(delegate* unmanaged<int, nint>)&GetErrorString,
        "ncclGetLastError" => (nint)(delegate* unmanaged<nint, nint>)&GetLastError,
        "cuInit" => (nint)(delegate* unmanaged<uint, int>)&Init,
        "cuDeviceGet" => (nint)(delegate* unmanaged<int*, int, int>)&DeviceGet,
        "cuDevicePrimaryCtxRetain" => (nint)(delegate* unmanaged<nint*, int, int>)&CtxRetain,
        "cuDevicePrimaryCtxRelease_v2" => (nint)(delegate* unmanaged<int, int>)&CtxRelease,
        "cuCtxPushCurrent_v2" => (nint)(delegate* unmanaged<nint, int>)&CtxPush,
        "cuCtxPopCurrent_v2" => (nint)(delegate* unmanaged<nint*, int>)&CtxPop,
        "cuStreamCreate" => (nint)(delegate* unmanaged<nint*, uint, int>)&StreamCreate,
        "cuStreamWaitEvent" => (nint)(delegate* unmanaged<nint, nint, uint, int>)&StreamWaitEvent,
        "cuStreamDestroy_v2" => (nint)(delegate* unmanaged<nint, int>)&StreamDestroy,
        "cuEventCreate" => (nint)(delegate* unmanaged<nint*, uint, int>)&EventCreate,
        "cuEventRecord" => (nint)(delegate* unmanaged<nint, nint, int>)&EventRecord,
        "cuEventQuery" => (nint)(delegate* unmanaged<nint, int>)&EventQuery,
        "cuEventDestroy_v2" => (nint)(delegate* unmanaged<nint, int>)&EventDestroy,
        "cuMemAlloc_v2" => (nint)(delegate* unmanaged<nint*, nuint, int>)&MemAlloc,
        "cuMemFree_v2" => (nint)(delegate* unmanaged<nint, int>)&MemFree,
        "cuGetErrorString" => (nint)(delegate* unmanaged<int, nint*, int>)&CuGetErrorString,
        _ => 0,
    };

    private static int Note(FormattableString call, [CallerMemberName] string function = "")
    {
        lock (Gate)
        {
            Noted.Add($"{function} {call.ToString(CultureInfo.InvariantCulture)}".TrimEnd());
            return Codes.GetValueOrDefault(function, BusyLooks > 0 && call.ArgumentCount > 3 ? InProgress : Success);
        }
    }

    [UnmanagedCallersOnly]
    private static int GetVersion(int* version)
    {
        *version = Version;
        return Note($"");
    }

    [UnmanagedCallersOnly]
    private static int GetUniqueId(NcclUniqueId* id)
    {
        new Span<byte>(id, NcclUniqueId.Size).Fill(9);
        return Note($"");
    }

    [UnmanagedCallersOnly]
    private static int InitRank(nint* communicator, int size, NcclUniqueId id, int rank, NcclConfig* config)
    {
        *communicator = Communicator;
        (Id, Config) = (id.ToArray(), *config);
        int code = Note($"{rank} of {size}");
        return code == Success ? InProgress : code;
    }

    [UnmanagedCallersOnly]
    private static int GetAsyncError(nint communicator, int* state)
    {
        lock (Gate)
        {
            bool isBusy = IsStuck || BusyLooks-- > 0;
            *state = AsyncError != Success ? AsyncError : isBusy ? InProgress : Success;
            return Codes.GetValueOrDefault("GetAsyncError");
        }
    }

    [UnmanagedCallersOnly]
    private static int AllReduce(nint from, nint to, nuint count, int type, int operation, nint communicator, nint stream) =>
        Note($"{from == to} {count} type {type} operation {operation} {communicator:x} {stream:x}");

    [UnmanagedCallersOnly]
    private static int Broadcast(nint from, nint to, nuint count, int type, int root, nint communicator, nint stream) =>
        Note($"{from == to} {count} type {type} root {root} {communicator:x} {stream:x}");

    [UnmanagedCallersOnly]
    private static int AllGather(nint from, nint to, nuint count, int type, nint communicator, nint stream) =>
        Copied(from, to, count, type, Note($"{count} type {type} {communicator:x} {stream:x}"));

    [UnmanagedCallersOnly]
    private static int ReduceScatter(nint from, nint to, nuint count, int type, int operation, nint communicator, nint stream) =>
        Copied(from, to, count, type, Note($"{count} type {type} operation {operation} {communicator:x} {stream:x}"));

    private static int Copied(nint from, nint to, nuint count, int type, int code)
    {
        NativeMemory.Copy((void*)from, (void*)to, count * (type == 4 ? 8u : type == 7 ? 4u : 2u));
        return code;
    }

    [UnmanagedCallersOnly]
    private static int CommFinalize(nint communicator) => Note($"{communicator:x}");

    [UnmanagedCallersOnly]
    private static int CommDestroy(nint communicator) => Note($"{communicator:x}");

    [UnmanagedCallersOnly]
    private static int CommAbort(nint communicator) => Note($"{communicator:x}");

    [UnmanagedCallersOnly]
    private static nint GetErrorString(int code) => Text;

    [UnmanagedCallersOnly]
    private static nint GetLastError(nint communicator) => cause;

    [UnmanagedCallersOnly]
    private static int Init(uint flags) => Note($"");

    [UnmanagedCallersOnly]
    private static int DeviceGet(int* device, int index)
    {
        *device = index;
        return Success;
    }

    [UnmanagedCallersOnly]
    private static int CtxRetain(nint* context, int device)
    {
        *context = Context;
        return Note($"{device}");
    }

    [UnmanagedCallersOnly]
    private static int CtxRelease(int device) => Note($"{device}");

    [UnmanagedCallersOnly]
    private static int CtxPush(nint context) => context == Context ? Success : 201;

    [UnmanagedCallersOnly]
    private static int CtxPop(nint* context)
    {
        *context = Context;
        return Success;
    }

    [UnmanagedCallersOnly]
    private static int StreamCreate(nint* stream, uint flags)
    {
        *stream = Stream;
        return Note($"{flags}");
    }

    [UnmanagedCallersOnly]
    private static int StreamWaitEvent(nint stream, nint mark, uint flags) => Note($"{stream:x} for {mark:x}");

    [UnmanagedCallersOnly]
    private static int StreamDestroy(nint stream) => Note($"{stream:x}");

    [UnmanagedCallersOnly]
    private static int EventCreate(nint* created, uint flags)
    {
        *created = (nint)Interlocked.Increment(ref events);
        return Note($"{flags}");
    }

    [UnmanagedCallersOnly]
    private static int EventRecord(nint mark, nint stream)
    {
        lock (Gate)
        {
            Finished.Remove(mark);
        }

        return Note($"{mark:x} on {stream:x}");
    }

    [UnmanagedCallersOnly]
    private static int EventQuery(nint mark)
    {
        lock (Gate)
        {
            return Codes.TryGetValue("EventQuery", out int code) ? code : EndsAtOnce || Finished.Contains(mark) ? Success : NotReady;
        }
    }

    [UnmanagedCallersOnly]
    private static int EventDestroy(nint mark) => Note($"{mark:x}");

    [UnmanagedCallersOnly]
    private static int MemAlloc(nint* address, nuint bytes)
    {
        *address = 0x40;
        return Note($"{bytes}");
    }

    [UnmanagedCallersOnly]
    private static int MemFree(nint address) => Note($"{address:x}");

    [UnmanagedCallersOnly]
    private static int CuGetErrorString(int code, nint* text)
    {
        *text = Text;
        return Success;
    }
}
