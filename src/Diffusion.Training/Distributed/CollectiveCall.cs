using System.Globalization;
using static TorchSharp.torch;

namespace Diffusion.Training;

/// <summary>What must be equal on every process about an operation, and the checks of its arguments.</summary>
/// <param name="Kind">The operation.</param>
/// <param name="Type">The element type; null for a barrier.</param>
/// <param name="Count">How many elements a process contributes; of a reduce-scatter, how many it receives.</param>
/// <param name="Reduction">How values are combined, of the operations that combine.</param>
/// <param name="Root">The process whose values are sent, of a broadcast.</param>
internal readonly record struct CollectiveCall(
    CollectiveKind Kind, ScalarType? Type, long Count, ReduceOperation Reduction = ReduceOperation.Sum, int Root = 0)
{
    private const string ElementTypes = "float32, bfloat16, float16 and int64";

    /// <summary>A barrier.</summary>
    public static CollectiveCall Barrier { get; } = new(CollectiveKind.Barrier, null, 0);

    /// <summary>Checks the arguments of an all-reduce.</summary>
    public static CollectiveCall AllReduce(Tensor values, ReduceOperation operation)
    {
        CheckTensor(values, nameof(values));
        return new CollectiveCall(CollectiveKind.AllReduce, values.dtype, values.numel(), Checked(operation));
    }

    /// <summary>Checks the arguments of a broadcast.</summary>
    public static CollectiveCall Broadcast(Tensor values, int root, int worldSize)
    {
        CheckTensor(values, nameof(values));
        return root >= 0 && root < worldSize
            ? new CollectiveCall(CollectiveKind.Broadcast, values.dtype, values.numel(), Root: root)
            : throw new ArgumentOutOfRangeException(
                nameof(root), root, $"The process that sends must be one of the {worldSize} processes: 0 to {worldSize - 1}.");
    }

    /// <summary>Checks the arguments of an all-gather.</summary>
    public static CollectiveCall AllGather(Tensor result, Tensor own, int worldSize)
    {
        CheckParts(result, nameof(result), own, nameof(own), worldSize);
        return new CollectiveCall(CollectiveKind.AllGather, own.dtype, own.numel());
    }

    /// <summary>Checks the arguments of a reduce-scatter.</summary>
    public static CollectiveCall ReduceScatter(Tensor result, Tensor values, ReduceOperation operation, int worldSize)
    {
        CheckParts(values, nameof(values), result, nameof(result), worldSize);
        return new CollectiveCall(CollectiveKind.ReduceScatter, result.dtype, result.numel(), Checked(operation));
    }

    /// <summary>Such as <c>AllReduce Sum of 1,000 float32</c>.</summary>
    public override string ToString()
    {
        string name = Kind switch
        {
            CollectiveKind.AllReduce or CollectiveKind.ReduceScatter => $"{Kind} {Reduction}",
            CollectiveKind.Broadcast => $"{Kind} from rank {Root}",
            _ => Kind.ToString(),
        };
        return Type is { } type
            ? string.Create(CultureInfo.InvariantCulture, $"{name} of {Count:N0} {type.ToString().ToLowerInvariant()}")
            : name;
    }

    private static void CheckParts(Tensor whole, string wholeName, Tensor part, string partName, int worldSize)
    {
        CheckTensor(whole, wholeName);
        CheckTensor(part, partName);
        if (whole.dtype != part.dtype || !Guard.OnOneDevice(whole, part))
        {
            throw new ArgumentException(
                $"{wholeName} is {whole.dtype} on {whole.device}, but {partName} is {part.dtype} on {part.device}. They must agree.",
                wholeName);
        }

        if (whole.numel() != part.numel() * worldSize)
        {
            throw new ArgumentException(
                $"{wholeName} has {whole.numel()} elements, but must have {worldSize} (processes) times the {part.numel()} elements of "
                    + $"{partName}: {part.numel() * worldSize}.",
                wholeName);
        }
    }

    private static void CheckTensor(Tensor tensor, string name)
    {
        ArgumentNullException.ThrowIfNull(tensor, name);
        if (tensor.dtype is not (ScalarType.Float32 or ScalarType.BFloat16 or ScalarType.Float16 or ScalarType.Int64))
        {
            throw new ArgumentException($"{name} is {tensor.dtype}, but processes exchange {ElementTypes} only. Convert it.", name);
        }

        if (!tensor.is_contiguous())
        {
            throw new ArgumentException($"{name} is not contiguous. Use its contiguous() copy.", name);
        }
    }

    private static ReduceOperation Checked(ReduceOperation operation) => Enum.IsDefined(operation)
        ? operation
        : throw new ArgumentOutOfRangeException(nameof(operation), operation, "Use Sum, Max or Min.");
}
