namespace Diffusion.TestKit.Fuzzing;

/// <summary>A random generator of a few instructions, for millions of inputs.</summary>
public struct SplitMix64
{
    private const ulong Step = 0x9E3779B97F4A7C15;

    private ulong state;

    /// <summary>The random numbers for one input and seed.</summary>
    public SplitMix64(ulong seed, long number)
    {
        state = seed;
        state = Next() + ((ulong)number * 0xD1342543DE82EF95);
    }

    /// <summary>64 random bits.</summary>
    public ulong Next()
    {
        ulong mixed = state += Step;
        mixed = (mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9;
        mixed = (mixed ^ (mixed >> 27)) * 0x94D049BB133111EB;
        return mixed ^ (mixed >> 31);
    }

    /// <summary>A number from 0 to below the bound, which is at least 1.</summary>
    public int Below(int bound) => (int)(((Next() >> 32) * (ulong)bound) >> 32);

    /// <summary>True with probability 1/2.</summary>
    public bool Coin() => (long)Next() < 0;
}
