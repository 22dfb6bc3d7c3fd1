namespace Diffusion.TestKit.Fuzzing;

/// <summary>A random generator of a few instructions, for inputs made by the million.</summary>
public struct SplitMix64
{
    private const ulong Step = 0x9E3779B97F4A7C15;

    private ulong state;

    /// <summary>The numbers of one input of one seed.</summary>
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

    /// <summary>True every other time.</summary>
    public bool Coin() => (long)Next() < 0;
}
