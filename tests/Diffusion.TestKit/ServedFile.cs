using System.Globalization;

namespace Diffusion.TestKit;

/// <summary>A file as a correct server sends it: whole, or the requested part if the client has its current version.</summary>
/// <param name="Content">Its bytes.</param>
/// <param name="Tag">Its ETag with the quotation marks; null for none.</param>
/// <param name="Changed">Its modification date in HTTP format; null for none.</param>
public sealed record ServedFile(byte[] Content, string? Tag = "\"1\"", string? Changed = null)
{
    /// <summary>A file of random bytes from a seed.</summary>
    public static ServedFile Drawn(int length, long seed, string? tag = "\"1\"", string? changed = null)
    {
        SeedStream draws = new(seed);
        return new ServedFile([.. Enumerable.Range(0, length).Select(i => (byte)draws.Derive(RandomPurpose.Drawing, i))], tag, changed);
    }

    public ServerReply Whole() => new() { Body = Content, Headers = Headers() };

    public ServerReply Answer(ServerRequest request)
    {
        if (Tag is not null && request.IfNoneMatch == Tag)
        {
            return new ServerReply { Status = 304, Headers = Headers() };
        }

        if (request.From is not { } from || (request.IfRange is { } version && version != Tag && version != Changed))
        {
            return Whole();
        }

        return from >= Content.Length
            ? new ServerReply { Status = 416,
                Headers = [string.Create(CultureInfo.InvariantCulture, $"Content-Range: bytes */{Content.Length}")] }
            : Part((int)from, request.To);
    }

    /// <summary>The bytes from an offset, and the headers for them.</summary>
    public ServerReply Part(int from, long? to = null)
    {
        int end = (int)Math.Min(Content.Length, to + 1 ?? Content.Length);
        return new ServerReply
        {
            Status = 206,
            Body = Content[from..end],
            Headers = [.. Headers(),
                string.Create(CultureInfo.InvariantCulture, $"Content-Range: bytes {from}-{end - 1}/{Content.Length}")],
        };
    }

    private string[] Headers() =>
        [.. Tag is null
            ? Array.Empty<string>()
            : [$"ETag: {Tag}"], .. Changed is null ? Array.Empty<string>() : [$"Last-Modified: {Changed}"]];
}
