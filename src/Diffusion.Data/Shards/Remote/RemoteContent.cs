using System.IO.Compression;
using System.Text;

namespace Diffusion.Data;

/// <summary>Recognizes what servers send instead of a shard: web pages, errors as JSON or XML, or nothing at all.</summary>
internal static class RemoteContent
{
    private const int MaxQuoteLength = 60;

    /// <summary>The number of leading bytes that are enough to recognize a file.</summary>
    public const int SniffedBytes = TarHeader.Size;

    /// <summary>
    /// Whether the Content-Type of a response is text although earlier responses for the same address were not: a captive portal may answer
    /// like that for a while, without any change of the file.
    /// </summary>
    public static bool IsPage(HttpResponseMessage response) =>
        response.Content.Headers.ContentType?.MediaType is "text/html" or "application/json" or "text/plain";

    /// <summary>Describes what was sent instead of a shard; null when it may be a shard.</summary>
    /// <param name="first">The first <see cref="SniffedBytes"/> bytes of the file, or all of them if it is shorter.</param>
    /// <param name="contentType">The media type that the server sent; null for none.</param>
    /// <param name="isPacked">Whether a gzip file is expected instead of a tar file.</param>
    public static string? FindProblem(ReadOnlySpan<byte> first, string? contentType, bool isPacked)
    {
        if (first.IsEmpty)
        {
            return $"the server sent 0 bytes instead of the shard (Content-Type {contentType ?? "unknown"}).";
        }

        bool isGzip = first.StartsWith((ReadOnlySpan<byte>)[0x1F, 0x8B]);
        if (isPacked ? isGzip : IsTar(first))
        {
            return null;
        }

        if (isGzip)
        {
            return "the server sent gzip data instead of a tar file. Name it .tar.gz, or turn off the compression on the server.";
        }

        string text = StartOf(first);
        string? kind = Kind(text, contentType ?? string.Empty);
        return kind is null
            ? null
            : $"the server sent {kind} instead of the shard (Content-Type {contentType ?? "unknown"}; it begins \"{Quote(text)}\"). "
            + "Open the address in a browser: it may need a login, a captive portal or a token (ShardOptions.Headers).";
    }

    /// <summary>As <see cref="FindProblem"/>, for a complete file; also looks inside a gzip file.</summary>
    public static string? FindProblemIn(string path, string? contentType, bool isPacked)
    {
        using FileStream file = File.OpenRead(path);
        byte[] first = new byte[SniffedBytes];
        int read = file.ReadAtLeast(first, SniffedBytes, throwOnEndOfStream: false);
        if (FindProblem(first.AsSpan(0, read), contentType, isPacked) is { } mistake || !isPacked)
        {
            return FindProblem(first.AsSpan(0, read), contentType, isPacked);
        }

        file.Position = 0;
        using GZipStream unpacked = new(file, CompressionMode.Decompress);
        try
        {
            read = unpacked.ReadAtLeast(first, SniffedBytes, throwOnEndOfStream: false);
            return read == 0 ? null : FindProblem(first.AsSpan(0, read), contentType, isPacked: false);
        }
        catch (InvalidDataException)
        {
            return null; // damaged, which is reported when the file is unpacked
        }
    }

    private static bool IsTar(ReadOnlySpan<byte> first) =>
        first.Length >= TarHeader.Size && (TarHeader.TryParse(first[..TarHeader.Size], out _, out string? problem) || problem is null);

    private static string StartOf(ReadOnlySpan<byte> first) => Encoding.UTF8.GetString(first).TrimStart('\uFEFF', ' ', '\t', '\r', '\n');

    private static string? Kind(string text, string contentType) =>
        text.StartsWith("version https://git-lfs", StringComparison.Ordinal) ? "a Git LFS pointer"
        : contentType.Contains("html", StringComparison.OrdinalIgnoreCase)
            || StartsWithAny(text, "<!doctype", "<html", "<head", "<body", "<script", "<!--") ? "a web page"
        : contentType.Contains("json", StringComparison.OrdinalIgnoreCase) || StartsWithAny(text, "{", "[") ? "JSON"
        : StartsWithAny(text, "<?xml", "<Error") ? "an XML document"
        : contentType.StartsWith("text/", StringComparison.OrdinalIgnoreCase) ? "text"
        : null;

    private static bool StartsWithAny(string text, params ReadOnlySpan<string> beginnings)
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
        string line = new([.. text.Take(MaxQuoteLength).Select(letter => char.IsControl(letter) ? ' ' : letter)]);
        return text.Length > MaxQuoteLength ? line + "..." : line;
    }
}
