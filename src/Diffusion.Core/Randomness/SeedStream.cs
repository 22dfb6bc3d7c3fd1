namespace Diffusion;

/// <summary>
/// Seeds as a pure function of (seed, purpose, index): randomness without state. The numbers do not depend on order or device, so that
/// resuming, gradient accumulation, the batch split and the number of workers change nothing.
/// </summary>
/// <param name="Seed">The seed of the run.</param>
public readonly record struct SeedStream(long Seed)
{
    /// <summary>A 64-bit seed for one purpose and index.</summary>
    /// <param name="purpose">The purpose of the numbers.</param>
    /// <param name="index">The index: an image's position in the run, an epoch, a step.</param>
    public long Derive(RandomPurpose purpose, long index)
    {
        ulong hash = Mix((ulong)Seed);
        hash = Mix(hash ^ (ulong)purpose);
        return (long)Mix(hash ^ (ulong)index);
    }

    /// <summary>The stream of seeds below one purpose and index, for draws that have an index of their own.</summary>
    public SeedStream Child(RandomPurpose purpose, long index) => new(Derive(purpose, index));

    /// <summary>A number in [0, 1), from the highest 53 bits.</summary>
    public double Uniform(RandomPurpose purpose, long index) => ((ulong)Derive(purpose, index) >> 11) * (1.0 / (1L << 53));

    // SplitMix64 (Steele, Lea and Flood 2014): a bijection of 64 bits in which every input bit reaches every output bit.
    private static ulong Mix(ulong value)
    {
        value += 0x9E3779B97F4A7C15;
        value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9;
        value = (value ^ (value >> 27)) * 0x94D049BB133111EB;
        return value ^ (value >> 31);
    }
}
