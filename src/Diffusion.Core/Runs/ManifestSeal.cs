using System.Security.Cryptography;
using System.Text;

namespace Diffusion;

/// <summary>
/// The seal of a manifest: its last line is the SHA-256 of the manifest itself, computed with 64 zeros in its place, so that any change is
/// detected.
/// </summary>
internal static class ManifestSeal
{
    /// <summary>The placeholder for the hash while it is computed.</summary>
    public static readonly string Unsealed = new('0', HashDigits);

    private const int HashDigits = 64;

    private static ReadOnlySpan<byte> Label => "\n  \"sha256\": \""u8;

    private static ReadOnlySpan<byte> End => "\"\n}\n"u8;

    /// <summary>Whether a manifest ends with a hash, correct or not.</summary>
    public static bool IsThere(ReadOnlySpan<byte> json) =>
        json.EndsWith(End) && json.Length > Label.Length + HashDigits + End.Length && json[..^(HashDigits + End.Length)].EndsWith(Label);

    /// <summary>Writes the hash.</summary>
    /// <param name="json">A manifest that ends with a hash or the placeholder.</param>
    public static void Close(Span<byte> json)
    {
        if (!IsThere(json))
        {
            throw new ArgumentException("The manifest must end with its sha256.", nameof(json));
        }

        Encoding.ASCII.GetBytes(Unsealed).CopyTo(Place(json));
        Hash(json).CopyTo(Place(json));
    }

    /// <summary>Whether a manifest matches its hash.</summary>
    public static bool IsWhole(ReadOnlySpan<byte> json)
    {
        if (!IsThere(json))
        {
            return false;
        }

        byte[] unsealed = json.ToArray();
        Encoding.ASCII.GetBytes(Unsealed).CopyTo(Place(unsealed));
        return Hash(unsealed).AsSpan().SequenceEqual(json[^(HashDigits + End.Length)..^End.Length]);
    }

    private static Span<byte> Place(Span<byte> json) => json[^(HashDigits + End.Length)..^End.Length];

    private static byte[] Hash(ReadOnlySpan<byte> json) => Encoding.ASCII.GetBytes(Convert.ToHexStringLower(SHA256.HashData(json)));
}
