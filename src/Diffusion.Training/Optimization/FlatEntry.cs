namespace Diffusion.Training;

/// <summary>Where one parameter lies in a flat buffer.</summary>
/// <param name="Name">The parameter's name in the network, as in its state dict.</param>
/// <param name="Shape">Its shape.</param>
/// <param name="Offset">Its first element in the buffer.</param>
/// <param name="Length">How many elements it has.</param>
/// <param name="Group">How the optimizer treats it.</param>
/// <param name="RateFactor">The factor of its learning rate.</param>
/// <param name="IsTable">Whether it is the table of an embedding, whose rows are looked up.</param>
/// <param name="Place">Its place among the parameters of the network; -1 for one of the objective.</param>
/// <param name="Start">The first of its elements that the buffer has: above 0 only where other buffers have those before it.</param>
internal sealed record FlatEntry(
    string Name, IReadOnlyList<long> Shape, long Offset, long Length, ParameterGroup Group, double RateFactor = 1, bool IsTable = false,
    int Place = 0, long Start = 0);
