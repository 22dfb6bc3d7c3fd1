using System.Globalization;
using System.Text;

namespace Diffusion.Training;

/// <summary>The memory that training needs, by part, in bytes.</summary>
public sealed record MemoryEstimate
{
    /// <summary>Images per forward and backward pass.</summary>
    public required int MicroBatchSize { get; init; }

    /// <summary>The parameters of the network, in float32 and below float32 also rounded.</summary>
    public required long Parameters { get; init; }

    /// <summary>The gradients of the parameters.</summary>
    public required long Gradients { get; init; }

    /// <summary>The state of the optimizer, such as the two moments of AdamW.</summary>
    public required long Optimizer { get; init; }

    /// <summary>All averages of the weights.</summary>
    public required long Averages { get; init; }

    /// <summary>
    /// The copy of parameters, optimizer state and averages that a background thread saves; 0 on an NVIDIA GPU, as the host has it.
    /// </summary>
    public required long SavingCopy { get; init; }

    /// <summary>The images of a micro-batch, their noise, the noisy images, the prediction and its gradient.</summary>
    public required long Images { get; init; }

    /// <summary>The tensors that the forward pass keeps for the backward pass.</summary>
    public required long Activations { get; init; }

    /// <summary>
    /// Temporary memory at the peak: gradients of activations and working memory, or what the optimizer needs for its update if that
    /// is more than a pass needs.
    /// </summary>
    public required long Transient { get; init; }

    /// <summary>The number of parameters of the network.</summary>
    public long ParameterCount => Blocks.Sum(block => block.ParameterCount);

    /// <summary>The sum of all parts. The program itself, .NET and libtorch need more memory.</summary>
    public long Total => Parameters + Gradients + Optimizer + Averages + SavingCopy + Images + Activations + Transient;

    /// <summary>The parts, and the parameters and activations of each block, as lines of text.</summary>
    public string ToTable()
    {
        StringBuilder text = new();
        (string Name, long Bytes)[] parts =
        [
            ("parameters", Parameters), ("gradients", Gradients), ("optimizer", Optimizer), ("averages", Averages),
                ("copy for saving", SavingCopy),
            ("images", Images), ("activations", Activations), ("transient", Transient), ("total", Total),
        ];
        foreach ((string name, long bytes) in parts)
        {
            text.AppendLine(CultureInfo.InvariantCulture, $"{name,-20}{Mebibytes(bytes),14}");
        }

        text.AppendLine().AppendLine(CultureInfo.InvariantCulture, $"{"block",-20}{"parameters",14}{"activations",16}");
        foreach (BlockMemory block in Blocks)
        {
            text.AppendLine(CultureInfo.InvariantCulture,
                $"{block.Name,-20}{block.ParameterCount,14:N0}{Mebibytes(block.ActivationBytes),16}");
        }

        return text.ToString();
    }

    /// <summary>The total in one line.</summary>
    public override string ToString() =>
        $"{Mebibytes(Total)} with {MicroBatchSize} images at a time, {Mebibytes(Activations)} of them activations";

    /// <summary>The blocks of the network, in the order of the forward pass.</summary>
    internal IReadOnlyList<BlockMemory> Blocks { get; init; } = [];

    internal static string Mebibytes(long bytes) => string.Create(CultureInfo.InvariantCulture, $"{bytes / (double)(1 << 20):N1} MiB");
}
