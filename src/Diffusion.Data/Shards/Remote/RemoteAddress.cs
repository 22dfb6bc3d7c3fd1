using System.Security.Cryptography;
using System.Text;
using System.Text.RegularExpressions;

namespace Diffusion.Data;

/// <summary>
/// What tells remote files apart in a cache: their address without logins and signatures, which differ each time the same file is asked
/// for.
/// </summary>
internal static partial class RemoteAddress
{
    private static readonly HashSet<string> Signatures = new(StringComparer.OrdinalIgnoreCase)
    {
        "AWSAccessKeyId", "GoogleAccessId", "Signature", "Expires", "Key-Pair-Id", "Policy", "token", "access_token", "download_token",
        "sig", "se", "sp", "spr", "sr", "st", "sv", "ss", "srt", "sip", "skoid", "sktid", "skt", "ske", "sks", "skv",
    };

    /// <summary>The name of a copy: a hash, from which nothing secret can be read.</summary>
    public static string KeyOf(Uri address)
    {
        string bare = address.GetComponents(UriComponents.SchemeAndServer | UriComponents.Path, UriFormat.UriEscaped);
        string query = string.Join('&', address.Query.TrimStart('?').Split('&').Where(part => part.Length > 0 && !IsSignature(part)));
        return Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(query.Length == 0 ? bare : $"{bare}?{query}")));
    }

    /// <summary>
    /// A name or a pattern of shards as errors and logs show it: addresses without logins and queries, which may be secret.
    /// </summary>
    public static string Shown(string pattern) => Secrets().Replace(pattern, "${scheme}${rest}");

    /// <summary>The address that a name of a shard is.</summary>
    /// <exception cref="RemoteException">It is none.</exception>
    public static Uri Of(string name) => Uri.TryCreate(name, UriKind.Absolute, out Uri? address)
        ? address
        : throw new RemoteException($"{Shown(name)}: it begins like an address, but is none. Check the host, the port and the brackets.",
            null, isRefusal: true);

    /// <summary>Refuses what is no full http or https address, without showing what may be secret.</summary>
    public static void Check(Uri address)
    {
        ArgumentNullException.ThrowIfNull(address);
        if (!address.IsAbsoluteUri || (address.Scheme != Uri.UriSchemeHttp && address.Scheme != Uri.UriSchemeHttps))
        {
            string shown = address.IsAbsoluteUri ? RemoteFile.NameOf(address) : "a relative address";
            throw new ArgumentException($"The address is {shown}, but must begin with http:// or https://.", nameof(address));
        }
    }

    // Up to the next of several that are joined by ::, but for the two colons within [::1].
    [GeneratedRegex(@"(?<scheme>https?://)([^/?@]*@)?(?<rest>[^?]*?)(\?.*?)?(?=::(?![^\[\]]*\])|$)",
        RegexOptions.IgnoreCase | RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex Secrets();

    // Of Amazon, Google, Azure and CloudFront, and plain tokens.
    private static bool IsSignature(string parameter)
    {
        string name = parameter.Split('=')[0];
        return name.StartsWith("X-Amz-", StringComparison.OrdinalIgnoreCase)
            || name.StartsWith("X-Goog-", StringComparison.OrdinalIgnoreCase) || Signatures.Contains(name);
    }
}
