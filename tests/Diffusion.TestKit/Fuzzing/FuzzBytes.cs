namespace Diffusion.TestKit.Fuzzing;

/// <summary>The bytes of an input in reusable memory, and ways to damage them that suit any format.</summary>
/// <param name="capacity">The maximum size of an input in bytes.</param>
internal sealed class FuzzBytes(int capacity)
{
    /// <summary>A capacity for files of a few KiB.</summary>
    public const int Small = 8192;

    private readonly byte[] bytes = new byte[capacity];

    /// <summary>The number of bytes.</summary>
    public int Length { get; private set; }

    /// <summary>The bytes.</summary>
    public Span<byte> Span => bytes.AsSpan(0, Length);

    private static ReadOnlySpan<byte> Telling =>
        [0, 1, 0x7F, 0x80, 0xFF, (byte)'0', (byte)'7', (byte)'9', (byte)' ', (byte)'.', (byte)'/', (byte)'=', (byte)'\n'];

    /// <summary>The bytes as a file, from the start.</summary>
    public MemoryStream Stream() => new(bytes, 0, Length, writable: false);

    /// <summary>Starts again with a copy of a file.</summary>
    public void Set(ReadOnlySpan<byte> content)
    {
        content.CopyTo(bytes);
        Length = content.Length;
    }

    /// <summary>Cuts off the end.</summary>
    public void Truncate(int length) => Length = Math.Min(Length, length);

    /// <summary>Overwrites bytes; bytes that do not fit are left out.</summary>
    public void Overwrite(int place, ReadOnlySpan<byte> content)
    {
        if (place < Length)
        {
            content[..Math.Min(content.Length, Length - place)].CopyTo(bytes.AsSpan(place));
        }
    }

    /// <summary>Inserts bytes; bytes that do not fit are left out.</summary>
    public void Insert(int place, ReadOnlySpan<byte> content)
    {
        int count = Math.Min(content.Length, capacity - Length);
        bytes.AsSpan(place, Length - place).CopyTo(bytes.AsSpan(place + count));
        content[..count].CopyTo(bytes.AsSpan(place));
        Length += count;
    }

    /// <summary>Removes bytes.</summary>
    public void Remove(int place, int count)
    {
        count = Math.Min(count, Length - place);
        bytes.AsSpan(place + count, Length - place - count).CopyTo(bytes.AsSpan(place));
        Length -= count;
    }

    /// <summary>Flips a bit, sets a byte, cuts, repeats or removes bytes, or inserts a part of another file.</summary>
    /// <param name="random">The random numbers.</param>
    /// <param name="other">Another file, for splices.</param>
    public void Damage(ref SplitMix64 random, ReadOnlySpan<byte> other)
    {
        if (Length == 0)
        {
            return;
        }

        int place = random.Below(Length);
        switch (random.Below(16))
        {
            case < 5:
                bytes[place] ^= (byte)(1 << random.Below(8));
                break;
            case < 8:
                bytes[place] = (byte)random.Next();
                break;
            case < 11:
                bytes[place] = Telling[random.Below(Telling.Length)];
                break;
            case 11:
                Truncate(place);
                break;
            case 12:
                Remove(place, 1 + random.Below(16));
                break;
            case 13:
                Insert(place, Part(ref random, other, 16));
                break;
            case 14:
                Overwrite(place, Part(ref random, other, 64));
                break;
            default:
                Overwrite(place, Part(ref random, other, other.Length));
                break;
        }
    }

    private static ReadOnlySpan<byte> Part(ref SplitMix64 random, ReadOnlySpan<byte> other, int most)
    {
        int first = random.Below(other.Length);
        return other.Slice(first, Math.Min(1 + random.Below(most), other.Length - first));
    }
}
