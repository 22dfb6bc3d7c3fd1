using System.Globalization;
using System.Reflection;
using static TorchSharp.torch;

namespace Diffusion.Training;

/// <summary>What a process says of itself when it joins; all but the rank must agree.</summary>
internal sealed record RankIdentity(int Rank, int WorldSize, string Token, string Build, string Torch, string Engine)
{
    /// <summary>This process.</summary>
    /// <param name="place">Its place.</param>
    /// <param name="token">A word that tells this job from others that use the same port.</param>
    /// <param name="engine">The engine and its version.</param>
    public static RankIdentity OfThis(ProcessPlace place, string token, string engine)
    {
        Assembly library = typeof(RankIdentity).Assembly;
        string version = library.GetCustomAttribute<AssemblyInformationalVersionAttribute>()!.InformationalVersion;
        return new RankIdentity(
            place.Rank, place.WorldSize, token, $"{version} ({library.ManifestModule.ModuleVersionId})", __version__, engine);
    }

    /// <summary>Reads what <see cref="ToString"/> wrote; null if it is something else.</summary>
    public static RankIdentity? Read(string text)
    {
        string[] parts = text.Split('\n');
        return parts is [var rank, var worldSize, var token, var build, var torch, var engine]
            && int.TryParse(rank, NumberStyles.None, CultureInfo.InvariantCulture, out int number)
            && int.TryParse(worldSize, NumberStyles.None, CultureInfo.InvariantCulture, out int size)
            ? new RankIdentity(number, size, token, build, torch, engine)
            : null;
    }

    /// <summary>How another process differs from this one.</summary>
    /// <returns>What differs; null if nothing does.</returns>
    public string? Difference(RankIdentity other) =>
        Differs("the number of processes", WorldSize.ToString(CultureInfo.InvariantCulture), $"{other.WorldSize}", other)
        ?? Differs("the build of Diffusion.Training", Build, other.Build, other)
        ?? Differs("the version of libtorch", Torch, other.Torch, other)
        ?? Differs("the engine", Engine, other.Engine, other);

    /// <inheritdoc/>
    public override string ToString() => string.Join(
        '\n', Rank.ToString(CultureInfo.InvariantCulture), WorldSize.ToString(CultureInfo.InvariantCulture), Token, Build, Torch, Engine);

    private string? Differs(string what, string own, string others, RankIdentity other) => own == others
        ? null
        : $"On rank {Rank}, {what} is {own}, but on rank {other.Rank} it is {others}. Start the same program on every machine.";
}
