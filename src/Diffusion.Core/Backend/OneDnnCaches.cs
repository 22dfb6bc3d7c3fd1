using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.X86;

namespace Diffusion;

/// <summary>
/// Makes oneDNN, which convolves for libtorch on a CPU, guess the sizes of the processor's caches where it would believe that they are
/// one byte.
/// </summary>
/// <remarks>
/// oneDNN asks AMD processors for their caches (CPUID leaf 0x8000001D) and does not notice an empty answer, as virtual machines give it.
/// With caches of one byte it rearranges the weights of convolutions wrongly: it erases some where the number of channels is no multiple of
/// 16. Nothing reports an error, and networks learn nothing (seen with libtorch 2.10, oneDNN 3.7.1; the same fault on ARM is oneDNN's issue
/// 5313). oneDNN has no setting for it, so this class corrects the number that it keeps: with no cache levels it uses its own guesses.
/// Everything is compared with what is expected before it is changed. If anything differs, <see cref="ConvolutionCheck"/> decides.
/// </remarks>
internal static unsafe class OneDnnCaches
{
    /// <summary>A function that libtorch exports: it tells where the others are.</summary>
    public const string Anchor = ConvolutionLibraries.Context;

    /// <summary>dnnl::impl::cpu::x64::cpu().</summary>
    public const string Getter = "_ZN4dnnl4impl3cpu3x643cpuEv";

    /// <summary>The Xbyak::util::Cpu that it returns: what oneDNN knows of the processor.</summary>
    public const string Facts = "_ZZN4dnnl4impl3cpu3x643cpuEvE4cpu_";

    /// <summary>The size of that object.</summary>
    public const int FactsBytes = 0x90;

    private const int CacheLeaf = unchecked((int)0x8000001D);
    private const int CacheType = 0x1F;
    private const int EndOfAmdVendor = 0x444D4163; // "cAMD" of "AuthenticAMD", in ECX of leaf 0

    // Places in Xbyak::util::Cpu, in 32-bit numbers.
    private const int Sizes = 0x1C / sizeof(uint);
    private const int Sharing = 0x44 / sizeof(uint);
    private const int Levels = 0x6C / sizeof(uint);
    private const uint LevelsOfAmd = 3;

    /// <summary>Corrects oneDNN where needed. Must run before the first convolution, because oneDNN keeps what it has prepared.</summary>
    /// <param name="libtorchFolder">The folder of the libtorch that is loaded.</param>
    public static void Correct(string libtorchFolder)
    {
        if (!OperatingSystem.IsLinux() || !X86Base.X64.IsSupported || !HidesCaches())
        {
            return;
        }

        ConvolutionLibraries.SwitchNnpackOff(libtorchFolder); // it does not work without the caches
        string path = Path.Combine(libtorchFolder, NativeSearch.FileName("torch_cpu"));
        if (NativeLibrary.TryLoad(path, out nint library) && NativeLibrary.TryGetExport(library, Anchor, out nint anchor))
        {
            Correct(ElfSymbols.Find(path, [Anchor, Getter, Facts]), anchor);
        }
    }

    /// <summary>Corrects what these symbols lead to, if all of it is as expected.</summary>
    /// <param name="symbols">The places of functions and variables, by name.</param>
    /// <param name="anchor">The address of <c>at::globalContext</c>.</param>
    public static void Correct(Dictionary<string, (nint Place, long Size)> symbols, nint anchor)
    {
        if (symbols.Count == 3 && symbols[Facts].Size == FactsBytes)
        {
            nint start = anchor - symbols[Anchor].Place;
            uint* numbers = ((delegate* unmanaged<uint*>)(start + symbols[Getter].Place))();
            if (numbers == (uint*)(start + symbols[Facts].Place) && AreOneByte(numbers))
            {
                numbers[Levels] = 0;
            }
        }
    }

    private static bool HidesCaches() =>
        X86Base.CpuId(0, 0).Ecx == EndOfAmdVendor && (X86Base.CpuId(CacheLeaf, 0).Eax & CacheType) == 0;

    private static bool AreOneByte(uint* numbers) => numbers[Levels] == LevelsOfAmd
        && new ReadOnlySpan<uint>(numbers + Sizes, (int)LevelsOfAmd).Count(1u) == LevelsOfAmd
        && new ReadOnlySpan<uint>(numbers + Sharing, (int)LevelsOfAmd).Count(1u) == LevelsOfAmd;
}
