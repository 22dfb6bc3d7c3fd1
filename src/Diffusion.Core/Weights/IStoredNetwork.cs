namespace Diffusion;

/// <summary>A network whose weights other programs store too, with a configuration beside them.</summary>
internal interface IStoredNetwork
{
    /// <summary>The network's name of a stored weight, which may have an earlier one.</summary>
    string CurrentName(string stored);

    /// <summary>
    /// The part of a <see cref="IDiffusionModel.Description"/> that decides what the network computes, as JSON: two networks of the same
    /// part give the same weights the same meaning.
    /// </summary>
    string ArchitectureOf(string description);
}
