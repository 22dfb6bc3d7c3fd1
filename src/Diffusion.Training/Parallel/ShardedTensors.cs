using System.Text;
using System.Text.Json.Nodes;
using static TorchSharp.torch;

namespace Diffusion.Training;

/// <summary>Finds what the tensors of an optimizer would be without parts, from those that each process has.</summary>
internal static class ShardedTensors
{
    /// <summary>Compares the tensors of all processes. Every process calls it at the same time, and gets the same result.</summary>
    /// <param name="exchange">The processes.</param>
    /// <param name="all">The layout of all parameters.</param>
    /// <param name="part">The layout of the part of this process.</param>
    /// <param name="own">The tensors of this process.</param>
    /// <exception cref="DistributedException">A tensor cannot be put together.</exception>
    public static IReadOnlyList<ShardedTensor> Of(
        RankExchange exchange, FlatLayout all, FlatLayout part, IReadOnlyDictionary<string, Tensor> own)
    {
        JsonArray tensors = [.. own.Select(one => (JsonNode)Describe(part, one.Key, one.Value))];
        byte[] text = Encoding.UTF8.GetBytes(tensors.ToJsonString());
        IReadOnlyList<Piece> pieces = [.. exchange.Gather(text).SelectMany(Parse)];
        return [.. pieces.GroupBy(piece => piece.Name, StringComparer.Ordinal).Select(same => Join(all, [.. same], exchange.WorldSize))];
    }

    // A name may end with those of two parameters, such as weight and conv.weight: the longer one is meant.
    private static FlatEntry? EntryOf(FlatLayout layout, string name) => layout.Entries
        .Where(entry => name.EndsWith($".{entry.Name}", StringComparison.Ordinal))
        .MaxBy(entry => entry.Name.Length);

    private static JsonArray Describe(FlatLayout part, string name, Tensor tensor) => new JsonArray(
        name, (int)tensor.dtype, EntryOf(part, name) is { } entry && tensor.shape.AsSpan().SequenceEqual([.. entry.Shape]),
        new JsonArray([.. tensor.shape.Select(size => (JsonNode)size)]));

    private static IEnumerable<Piece> Parse(byte[] text, int rank) => JsonNode.Parse(text)!.AsArray().Select(one => new Piece(
        rank, one![0]!.GetValue<string>(), (ScalarType)one[1]!.GetValue<int>(), one[2]!.GetValue<bool>(),
        [.. one[3]!.AsArray().Select(size => size!.GetValue<long>())]));

    private static ShardedTensor Join(FlatLayout layout, IReadOnlyList<Piece> pieces, int world)
    {
        (string name, ScalarType type) = (pieces[0].Name, pieces[0].Type);
        if (pieces.Any(piece => piece.Type != type))
        {
            throw Refused(name, $"is {string.Join(" and ", pieces.Select(piece => piece.Type).Distinct())}, but must have one type");
        }

        if (EntryOf(layout, name) is not { } entry)
        {
            return pieces.Count == world && pieces.All(piece => piece.Shape.AsSpan().SequenceEqual(pieces[0].Shape))
                ? new ShardedTensor(name, type, pieces[0].Shape, [])
                : throw Refused(name, "belongs to no parameter, and does not have the same shape in each process");
        }

        if (ShardGather.TypeOf(type) is null)
        {
            throw Refused(name, $"is {type}, which processes do not exchange");
        }

        long[] counts = new long[world];
        foreach (Piece piece in pieces)
        {
            counts[piece.Rank] = piece.Shape.Aggregate(1L, (product, size) => product * size);
        }

        bool hasElements = pieces.All(piece => piece.HasElements);
        return hasElements && counts.Sum() != entry.Length
            ? throw Refused(name, $"has {counts.Sum()} of the {entry.Length} elements of the parameter")
            : new ShardedTensor(name, type, hasElements ? entry.Shape : pieces.Count == 1 ? pieces[0].Shape : [counts.Sum()], counts);
    }

    private static DistributedException Refused(string name, string problem) => new(
        $"The state of the optimizer cannot be divided among the processes: '{name}' {problem}. Correct the optimizer (see "
        + "IOptimizerFactory.CanShard), or leave ShardOptimizer out.");

    private sealed record Piece(int Rank, string Name, ScalarType Type, bool HasElements, long[] Shape);
}
