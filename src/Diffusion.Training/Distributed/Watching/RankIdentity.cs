using System.Globalization;
using System.Reflection;
using static TorchSharp.torch;

namespace Diffusion.Training;

/// <summary>What a process says of itself when it joins; of versions and sizes all must say the same.</summary>
internal sealed record RankIdentity(int Rank, int WorldSize, string Token, string Build, string Torch, string Engine)
{
    /// <summary>A word that no other process has.</summary>
    public string Process { get; private init; } = Guid.NewGuid().ToString("N");

    /// <summary>Why this process cannot join, such as a missing GPU; null if it can.</summary>
    public string? Problem { get; init; }

    /// <summary>What the other processes are told about the problem; null if there is none.</summary>
    public string? Refusal => Problem is null ? null : $"Rank {Rank} cannot join: {Problem}";

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

    /// <summary>This process, which cannot join. It may have no libtorch.</summary>
    /// <param name="place">Its place.</param>
    /// <param name="token">A word that tells this job from others that use the same port.</param>
    /// <param name="problem">Why it cannot join.</param>
    public static RankIdentity Refusing(ProcessPlace place, string token, string problem) =>
        new(place.Rank, place.WorldSize, token, string.Empty, string.Empty, string.Empty) { Problem = problem };

    /// <summary>Reads what <see cref="ToString"/> wrote; null if it is something else.</summary>
    public static RankIdentity? Read(string text)
    {
        string[] parts = text.Split('\n');
        return parts is [var rank, var worldSize, var token, var build, var torch, var engine, var process, var problem]
            && int.TryParse(rank, NumberStyles.None, CultureInfo.InvariantCulture, out int number)
            && int.TryParse(worldSize, NumberStyles.None, CultureInfo.InvariantCulture, out int size)
            ? new RankIdentity(number, size, token, build, torch, engine)
            {
                Process = process, Problem = problem.Length > 0 ? problem : null,
            }
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
        '\n', Rank.ToString(CultureInfo.InvariantCulture), WorldSize.ToString(CultureInfo.InvariantCulture), Token, Build, Torch, Engine,
        Process, Problem?.ReplaceLineEndings(" "));

    private string? Differs(string what, string own, string others, RankIdentity other) => own == others
        ? null
        : $"On rank {Rank}, {what} is {own}, but on rank {other.Rank} it is {others}. Start the same program on every machine.";
}
