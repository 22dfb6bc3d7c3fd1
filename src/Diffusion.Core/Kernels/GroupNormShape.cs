namespace Diffusion;

/// <summary>The sizes of a group normalisation.</summary>
/// <param name="Images">How many images.</param>
/// <param name="Channels">Channels of each, a multiple of the groups.</param>
/// <param name="Pixels">Pixels of each.</param>
/// <param name="Groups">Groups of neighbouring channels.</param>
/// <param name="Epsilon">Added to the variance.</param>
/// <param name="IsActivated">Whether SiLU follows.</param>
internal readonly record struct GroupNormShape(int Images, int Channels, int Pixels, int Groups, double Epsilon, bool IsActivated)
{
    /// <summary>Channels of a group.</summary>
    public int ChannelsOfGroup => Channels / Groups;

    /// <summary>The values of a group of one image, which lie side by side.</summary>
    public long ValuesOfGroup => (long)ChannelsOfGroup * Pixels;
}
