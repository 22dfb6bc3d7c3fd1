namespace Diffusion.Training;

/// <summary>Where one parameter lies in a flat buffer.</summary>
/// <param name="Name">The parameter's name in the network, as in its state dict.</param>
/// <param name="Shape">Its shape.</param>
/// <param name="Offset">Its first element in the buffer.</param>
/// <param name="Length">How many elements it has.</param>
/// <param name="Group">How the optimizer treats it.</param>
internal sealed record FlatEntry(string Name, IReadOnlyList<long> Shape, long Offset, long Length, ParameterGroup Group);
