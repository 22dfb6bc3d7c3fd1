namespace Diffusion.Training;

/// <summary>A tensor of an optimizer's state whose elements lie in several processes, or that is the same in each.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Type">Its element type.</param>
/// <param name="Shape">The shape of all elements together.</param>
/// <param name="Counts">
/// The number of its elements in each process, in their order; empty if each process has all of it.
/// </param>
internal sealed record ShardedTensor(string Name, TorchSharp.torch.ScalarType Type, IReadOnlyList<long> Shape, IReadOnlyList<long> Counts)
{
    /// <summary>Whether each process has the same values.</summary>
    public bool IsSame => Counts.Count == 0;

    /// <summary>The place of the first element of a process.</summary>
    public long StartOf(int rank) => Counts.Take(rank).Sum();
}
