using System.Security.Cryptography;
using System.Text;
using System.Text.RegularExpressions;

namespace Diffusion.Data;

/// <summary>
/// Identifies remote files in a cache by their address without logins and signatures, which may differ between requests for the same file.
/// </summary>
internal static partial class RemoteAddress
{
    private static readonly HashSet<string> Signatures = new(StringComparer.OrdinalIgnoreCase)
    {
        "AWSAccessKeyId", "GoogleAccessId", "Signature", "Expires", "Key-Pair-Id", "Policy", "token", "access_token", "download_token",
        "sig", "se", "sp", "spr", "sr", "st", "sv", "ss", "srt", "sip", "skoid", "sktid", "skt", "ske", "sks", "skv",
    };

    /// <summary>The file name of a copy: a hash that reveals nothing secret.</summary>
    public static string KeyOf(Uri address)
    {
        string bare = address.GetComponents(UriComponents.SchemeAndServer | UriComponents.Path, UriFormat.UriEscaped);
        string query = string.Join('&', address.Query.TrimStart('?').Split('&').Where(part => part.Length > 0 && !IsSignature(part)));
        return Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(query.Length == 0 ? bare : $"{bare}?{query}")));
    }

    /// <summary>
    /// The name or pattern of shards as errors and logs show it: addresses without logins and queries, which may be secret.
    /// </summary>
    public static string Shown(string pattern) => Secrets().Replace(pattern, "${scheme}${rest}");

    /// <summary>Parses the name of a shard as an address.</summary>
    /// <exception cref="RemoteException">The name is not a valid address.</exception>
    public static Uri Of(string name) => Uri.TryCreate(name, UriKind.Absolute, out Uri? address)
        ? address
        : throw new RemoteException($"{Shown(name)}: the address is not valid. Check the host, the port and the brackets.", null,
            isRefusal: true);

    /// <summary>Rejects anything but an absolute http or https address, without revealing secrets.</summary>
    public static void Check(Uri address)
    {
        ArgumentNullException.ThrowIfNull(address);
        if (!address.IsAbsoluteUri || (address.Scheme != Uri.UriSchemeHttp && address.Scheme != Uri.UriSchemeHttps))
        {
            string shown = address.IsAbsoluteUri ? RemoteFile.NameOf(address) : "a relative address";
            throw new ArgumentException($"The address is {shown}, but must begin with http:// or https://.", nameof(address));
        }
    }

    // Ends before the :: that joins addresses, but not at the two colons within [::1].
    [GeneratedRegex(@"(?<scheme>https?://)([^/?@]*@)?(?<rest>[^?]*?)(\?.*?)?(?=::(?![^\[\]]*\])|$)",
        RegexOptions.IgnoreCase | RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex Secrets();

    // The signature parameters of Amazon, Google, Azure and CloudFront, and plain tokens.
    private static bool IsSignature(string parameter)
    {
        string name = parameter.Split('=')[0];
        return name.StartsWith("X-Amz-", StringComparison.OrdinalIgnoreCase)
            || name.StartsWith("X-Goog-", StringComparison.OrdinalIgnoreCase) || Signatures.Contains(name);
    }
}
