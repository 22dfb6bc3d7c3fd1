using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Training;

/// <summary>Copies one set of named tensors into another, all or nothing.</summary>
internal static class NamedTensors
{
    private const int MostListed = 20;

    /// <summary>Every difference in names and shapes, each in a line.</summary>
    public static IReadOnlyList<string> Differences(IReadOnlyDictionary<string, Tensor> from, IReadOnlyDictionary<string, Tensor> to)
    {
        IEnumerable<string> missing = to.Keys.Where(name => !from.ContainsKey(name)).Select(name => $"{name} is missing");
        IEnumerable<string> extra = from.Keys.Where(name => !to.ContainsKey(name)).Select(name => $"{name} is not expected");
        IEnumerable<string> shapes = to
            .Where(pair => from.TryGetValue(pair.Key, out Tensor? other) && !other.shape.AsSpan().SequenceEqual(pair.Value.shape))
            .Select(pair => $"{pair.Key} is {Text(from[pair.Key])} instead of {Text(pair.Value)}");
        return [.. missing, .. extra, .. shapes];
    }

    /// <summary>Copies every tensor, after all names and shapes have been found to fit.</summary>
    /// <exception cref="CheckpointException">They do not fit; nothing was changed.</exception>
    public static void Copy(string what, IReadOnlyDictionary<string, Tensor> from, IReadOnlyDictionary<string, Tensor> to)
    {
        IReadOnlyList<string> differences = Differences(from, to);
        if (differences.Count > 0)
        {
            string rest = differences.Count > MostListed ? $"; and {differences.Count - MostListed} more" : "";
            throw new CheckpointException(
                $"{what} does not fit the network: {string.Join("; ", differences.Take(MostListed))}{rest}. "
                + "Use the options of the network that the weights come from.");
        }

        using IDisposable noGradients = no_grad();
        foreach ((string name, Tensor target) in to)
        {
            target.copy_(from[name]);
        }
    }

    private static string Text(Tensor tensor) => $"[{string.Join(", ", tensor.shape)}]";
}
