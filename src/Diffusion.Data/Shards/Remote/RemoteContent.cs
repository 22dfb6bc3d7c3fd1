using System.IO.Compression;
using System.Text;

namespace Diffusion.Data;

/// <summary>Recognises what servers send in place of a shard: web pages, errors as JSON or XML, nothing at all.</summary>
internal static class RemoteContent
{
    private const int Quoted = 60;

    /// <summary>The bytes from the beginning of a file that are enough to recognise it.</summary>
    public const int Enough = TarHeader.Size;

    /// <summary>
    /// Whether an answer is text by its Content-Type, after others of the same address were not: a captive portal answers so for a while,
    /// and the file is what it was.
    /// </summary>
    public static bool IsPage(HttpResponseMessage response) =>
        response.Content.Headers.ContentType?.MediaType is "text/html" or "application/json" or "text/plain";

    /// <summary>What came in place of a shard, as a sentence; null when it may be a shard.</summary>
    /// <param name="first">How it begins: <see cref="Enough"/> bytes, or fewer where it has no more.</param>
    /// <param name="contentType">What the server calls it; null for nothing.</param>
    /// <param name="isPacked">Whether a gzip file is expected, and no tar.</param>
    public static string? FindProblem(ReadOnlySpan<byte> first, string? contentType, bool isPacked)
    {
        if (first.IsEmpty)
        {
            return $"0 bytes came in place of the shard (Content-Type {contentType ?? "unknown"}).";
        }

        bool isGzip = first.StartsWith((ReadOnlySpan<byte>)[0x1F, 0x8B]);
        if (isPacked ? isGzip : IsTar(first))
        {
            return null;
        }

        if (isGzip)
        {
            return "gzip data came in place of a tar. Name it .tar.gz, or turn the compression of the server off for it.";
        }

        string text = Beginning(first);
        string? kind = Kind(text, contentType ?? string.Empty);
        return kind is null
            ? null
            : $"{kind} came in place of the shard (Content-Type {contentType ?? "unknown"}; it begins \"{Quote(text)}\"). "
            + "Open the address in a browser: perhaps a login or a captive portal stands before it, or it needs a token "
            + "(ShardOptions.Headers).";
    }

    /// <summary>As <see cref="FindProblem"/>, for a whole file; it looks into a gzip file too.</summary>
    public static string? FindProblemIn(string path, string? contentType, bool isPacked)
    {
        using FileStream file = File.OpenRead(path);
        byte[] first = new byte[Enough];
        int read = file.ReadAtLeast(first, Enough, throwOnEndOfStream: false);
        if (FindProblem(first.AsSpan(0, read), contentType, isPacked) is { } mistake || !isPacked)
        {
            return FindProblem(first.AsSpan(0, read), contentType, isPacked);
        }

        file.Position = 0;
        using GZipStream unpacked = new(file, CompressionMode.Decompress);
        try
        {
            read = unpacked.ReadAtLeast(first, Enough, throwOnEndOfStream: false);
            return read == 0 ? null : FindProblem(first.AsSpan(0, read), contentType, isPacked: false);
        }
        catch (InvalidDataException)
        {
            return null; // damaged, which whoever unpacks it says
        }
    }

    private static bool IsTar(ReadOnlySpan<byte> first) =>
        first.Length >= TarHeader.Size && (TarHeader.TryParse(first[..TarHeader.Size], out _, out string? problem) || problem is null);

    private static string Beginning(ReadOnlySpan<byte> first) => Encoding.UTF8.GetString(first).TrimStart('\uFEFF', ' ', '\t', '\r', '\n');

    private static string? Kind(string text, string contentType) =>
        text.StartsWith("version https://git-lfs", StringComparison.Ordinal) ? "a Git LFS pointer"
        : contentType.Contains("html", StringComparison.OrdinalIgnoreCase)
            || Begins(text, "<!doctype", "<html", "<head", "<body", "<script", "<!--") ? "a web page"
        : contentType.Contains("json", StringComparison.OrdinalIgnoreCase) || Begins(text, "{", "[") ? "JSON"
        : Begins(text, "<?xml", "<Error") ? "an XML document"
        : contentType.StartsWith("text/", StringComparison.OrdinalIgnoreCase) ? "text"
        : null;

    private static bool Begins(string text, params ReadOnlySpan<string> beginnings)
    {
        foreach (string beginning in beginnings)
        {
            if (text.StartsWith(beginning, StringComparison.OrdinalIgnoreCase))
            {
                return true;
            }
        }

        return false;
    }

    private static string Quote(string text)
    {
        string line = new([.. text.Take(Quoted).Select(letter => char.IsControl(letter) ? ' ' : letter)]);
        return text.Length > Quoted ? line + "..." : line;
    }
}
