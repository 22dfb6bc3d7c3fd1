using System.Security.Cryptography;
using System.Text;

namespace Diffusion;

/// <summary>
/// The last line of a manifest is the SHA-256 of the manifest itself, taken with 64 zeros in its place: nothing in it can change unseen.
/// </summary>
internal static class ManifestSeal
{
    /// <summary>What stands in the place of the hash while it is taken.</summary>
    public static readonly string Unsealed = new('0', HashDigits);

    private const int HashDigits = 64;

    private static ReadOnlySpan<byte> Label => "\n  \"sha256\": \""u8;

    private static ReadOnlySpan<byte> End => "\"\n}\n"u8;

    /// <summary>Whether a manifest ends with a hash, whatever it is.</summary>
    public static bool IsThere(ReadOnlySpan<byte> json) =>
        json.EndsWith(End) && json.Length > Label.Length + HashDigits + End.Length && json[..^(HashDigits + End.Length)].EndsWith(Label);

    /// <summary>Fills in the hash.</summary>
    /// <param name="json">A manifest that ends with a hash, whatever it is.</param>
    public static void Close(Span<byte> json)
    {
        if (!IsThere(json))
        {
            throw new ArgumentException("The manifest must end with its sha256.", nameof(json));
        }

        Encoding.ASCII.GetBytes(Unsealed).CopyTo(Place(json));
        Hash(json).CopyTo(Place(json));
    }

    /// <summary>Whether a manifest is as it was written.</summary>
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
