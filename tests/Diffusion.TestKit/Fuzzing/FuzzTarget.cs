namespace Diffusion.TestKit.Fuzzing;

/// <summary>
/// A parser and damaged files for it. Every input is a pure function of seed and number. Reading it must end in success or in the
/// documented exception, within a memory limit. For use by one thread.
/// </summary>
public abstract class FuzzTarget
{
    /// <summary>The kind of an input that was accepted.</summary>
    public const string Accepted = "accepted";

    private const string Other = "refused: for another reason";

    private readonly Func<Exception, string?> reasonOf;
    private readonly string[] reasons;
    private readonly string[] kinds;

    /// <summary>Creates a target.</summary>
    /// <param name="capacity">The maximum size of an input in bytes.</param>
    /// <param name="reasonOf">The reason of a documented exception; null for any other exception.</param>
    /// <param name="reasons">Parts of the reasons for refusals; the first one that occurs in a reason names its kind.</param>
    private protected FuzzTarget(int capacity, Func<Exception, string?> reasonOf, params string[] reasons)
    {
        Input = new FuzzBytes(capacity);
        this.reasonOf = reasonOf;
        this.reasons = reasons;
        kinds = [.. reasons.Select(KindOf)];
    }

    /// <summary>The names of the targets.</summary>
    public static IReadOnlyList<string> Names { get; } = ["tar", "index", "idx", "safetensors", "manifest", "config"];

    /// <summary>The known kinds of refusals.</summary>
    public IReadOnlyList<string> Kinds => kinds;

    /// <summary>The current input.</summary>
    private protected FuzzBytes Input { get; }

    /// <summary>A target by its name.</summary>
    /// <exception cref="ArgumentException">No target has this name.</exception>
    public static FuzzTarget Create(string name) => name switch
    {
        "tar" => new TarTarget(),
        "index" => new IndexTarget(),
        "idx" => new IdxTarget(),
        "safetensors" => new SafeTensorsTarget(),
        "manifest" => new ManifestTarget(),
        "config" => new ConfigTarget(),
        _ => throw new ArgumentException($"The target is {name}, but must be one of {string.Join(", ", Names)}."),
    };

    /// <summary>Generates one input and reads it.</summary>
    /// <param name="seed">The seed of all inputs.</param>
    /// <param name="number">The number of this one.</param>
    public FuzzResult Run(ulong seed, long number)
    {
        SplitMix64 random = new(seed, number);
        Make(ref random);
        string kind = Accepted;
        string? failure = null;
        long before = GC.GetAllocatedBytesForCurrentThread();
        long allocated;
        try
        {
            failure = Read(ref kind);
            allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        }
#pragma warning disable CA1031 // Any exception except the documented ones is a failure.
        catch (Exception problem)
#pragma warning restore CA1031
        {
            allocated = GC.GetAllocatedBytesForCurrentThread() - before;
            if (reasonOf(problem) is not { } reason)
            {
                return new FuzzResult("failed", allocated, $"It threw {problem}");
            }

            kind = KindOfReason(reason);
        }

        return allocated > MaxBytes
            ? new FuzzResult(kind, allocated, $"It took {allocated} bytes for a file of {Input.Length}, more than {MaxBytes}.")
            : new FuzzResult(kind, allocated, failure);
    }

    /// <summary>The input that was read last.</summary>
    public byte[] LastInput() => Input.Span.ToArray();

    /// <summary>The maximum memory for the current input.</summary>
    private protected abstract long MaxBytes { get; }

    /// <summary>Generates an input.</summary>
    private protected abstract void Make(ref SplitMix64 random);

    /// <summary>Reads the input.</summary>
    /// <param name="kind">Set if the parser refuses without an exception.</param>
    /// <returns>What is wrong with a successful result; null if nothing is.</returns>
    private protected abstract string? Read(ref string kind);

    /// <summary>The name of a kind of refusal.</summary>
    private protected static string KindOf(string reason) => $"refused: {reason}";

    private string KindOfReason(string reason)
    {
        for (int i = 0; i < reasons.Length; i++)
        {
            if (reason.Contains(reasons[i], StringComparison.Ordinal))
            {
                return kinds[i];
            }
        }

        return Other;
    }
}
