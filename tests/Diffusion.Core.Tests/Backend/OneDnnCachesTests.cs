using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Diffusion.Core.Tests.Backend;

/// <summary>What oneDNN believes of the caches of a processor that hides them.</summary>
public sealed unsafe class OneDnnCachesTests
{
    private const int Sizes = 7;
    private const int Sharing = 17;
    private const int Levels = 27;
    private static readonly uint* Numbers = (uint*)NativeMemory.AllocZeroed(OneDnnCaches.FactsBytes);

    [Fact]
    public void Caches_of_one_byte_become_unknown_and_nothing_else_changes()
    {
        uint[] expected = Fill(size: 1, sharing: 1, levels: 3);
        expected[Levels] = 0;

        OneDnnCaches.Correct(Symbols(), anchor: 0);

        new Span<uint>(Numbers, expected.Length).ToArray().Should().Equal(expected);
    }

    [Theory]
    [InlineData(49_152, 1, 3)]
    [InlineData(1, 2, 3)]
    [InlineData(1, 1, 2)]
    [InlineData(1, 1, 0)]
    public void Anything_else_stays(uint size, uint sharing, uint levels)
    {
        uint[] before = Fill(size, sharing, levels);

        OneDnnCaches.Correct(Symbols(), anchor: 0);

        new Span<uint>(Numbers, before.Length).ToArray().Should().Equal(before);
    }

    [Theory]
    [InlineData(OneDnnCaches.Anchor, null, 0)]
    [InlineData(OneDnnCaches.Getter, null, 0)]
    [InlineData(OneDnnCaches.Facts, null, 0)]
    [InlineData(OneDnnCaches.Facts, 0x90, 4)]
    [InlineData(OneDnnCaches.Facts, 0x98, 0)]
    public void A_library_with_other_symbols_stays(string name, int? size, int distance)
    {
        uint[] before = Fill(size: 1, sharing: 1, levels: 3);
        Dictionary<string, (nint Place, long Size)> symbols = Symbols();
        (nint place, _) = symbols[name];
        symbols.Remove(name);
        if (size is { } bytes)
        {
            symbols[name] = (place + distance, bytes);
        }

        OneDnnCaches.Correct(symbols, anchor: 0);

        new Span<uint>(Numbers, before.Length).ToArray().Should().Equal(before);
    }

    private static uint[] Fill(uint size, uint sharing, uint levels)
    {
        Span<uint> numbers = new(Numbers, OneDnnCaches.FactsBytes / sizeof(uint));
        numbers.Fill(5);
        numbers.Slice(Sizes, 3).Fill(size);
        numbers.Slice(Sharing, 3).Fill(sharing);
        numbers[Levels] = levels;
        return numbers.ToArray();
    }

    private static Dictionary<string, (nint Place, long Size)> Symbols() => new(StringComparer.Ordinal)
    {
        [OneDnnCaches.Anchor] = (0, 8),
        [OneDnnCaches.Getter] = ((nint)(delegate* unmanaged[Cdecl]<uint*>)&Get, 100),
        [OneDnnCaches.Facts] = ((nint)Numbers, OneDnnCaches.FactsBytes),
    };

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static uint* Get() => Numbers;
}
