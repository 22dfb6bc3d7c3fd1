namespace Diffusion.Training;

/// <summary>Whether training fits into a budget, and what would make it.</summary>
public sealed record MemoryAdvice
{
    /// <summary>The memory there is, in bytes.</summary>
    public required long BudgetBytes { get; init; }

    /// <summary>What was asked about.</summary>
    public required MemoryEstimate Asked { get; init; }

    /// <summary>The same with a micro-batch of one image, which is the least without another change.</summary>
    public required MemoryEstimate OneImage { get; init; }

    /// <summary>The changes that make it fit, the least first; empty when it fits already, or when none of those tried is enough.</summary>
    public required IReadOnlyList<MemoryReduction> Ways { get; init; }

    /// <summary>Whether it fits as it is.</summary>
    public bool Fits => Asked.Total <= BudgetBytes;

    /// <summary>Whether it fits with accumulation at least, one image at a time.</summary>
    public bool FitsOneImage => OneImage.Total <= BudgetBytes;

    /// <summary>The answer as lines of text.</summary>
    public override string ToString()
    {
        string budget = MemoryEstimate.Mebibytes(BudgetBytes);
        if (Fits)
        {
            return $"It fits: {Asked}, of {budget}.";
        }

        string one = FitsOneImage ? string.Empty : $" Even one image at a time takes {MemoryEstimate.Mebibytes(OneImage.Total)}.";
        string[] ways = Ways.Count == 0
            ? ["Use smaller images, a smaller network, or a computer with more memory."]
            : [.. Ways.Select(way => $"- {way.Change}: {MemoryEstimate.Mebibytes(way.Estimate.Total)}")];
        return string.Join(Environment.NewLine, [$"It does not fit into {budget}: {Asked}.{one}", .. ways]);
    }
}
