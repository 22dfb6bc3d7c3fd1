using System.Globalization;
using System.Text;

namespace Diffusion.Training;

/// <summary>What training needs in memory, part by part, in bytes; float32.</summary>
public sealed record MemoryEstimate
{
    /// <summary>Images per forward and backward pass.</summary>
    public required int MicroBatchSize { get; init; }

    /// <summary>The parameters.</summary>
    public required long Parameters { get; init; }

    /// <summary>Their gradients.</summary>
    public required long Gradients { get; init; }

    /// <summary>AdamW's two moments.</summary>
    public required long Optimizer { get; init; }

    /// <summary>The averaged weights, all averages together.</summary>
    public required long Averages { get; init; }

    /// <summary>The copy of parameters, moments and averages that is saved while training continues.</summary>
    public required long SavingCopy { get; init; }

    /// <summary>The images of a micro-batch, their noise, the noisy images, the answer and its gradient.</summary>
    public required long Images { get; init; }

    /// <summary>What the forward pass keeps for the backward pass.</summary>
    public required long Activations { get; init; }

    /// <summary>What comes and goes beside that at the moment when most is needed: gradients of activations and working memory.</summary>
    public required long Transient { get; init; }

    /// <summary>The blocks of the network, in the order of the forward pass.</summary>
    public required IReadOnlyList<BlockMemory> Blocks { get; init; }

    /// <summary>How many parameters the network has.</summary>
    public long ParameterCount => Blocks.Sum(block => block.ParameterCount);

    /// <summary>All of it. The program itself, with .NET and libtorch, comes on top.</summary>
    public long Total => Parameters + Gradients + Optimizer + Averages + SavingCopy + Images + Activations + Transient;

    /// <summary>The parts and the blocks as lines of text.</summary>
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

    /// <summary>The total, and for how many images.</summary>
    public override string ToString() =>
        $"{Mebibytes(Total)} with {MicroBatchSize} images at a time, {Mebibytes(Activations)} of them activations";

    internal static string Mebibytes(long bytes) => string.Create(CultureInfo.InvariantCulture, $"{bytes / (double)(1 << 20):N1} MiB");
}
