using System.Buffers.Binary;
using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Security.Cryptography;
using System.Text;

namespace Diffusion.Data;

/// <summary>The version of a file, as a server describes it.</summary>
/// <param name="Tag">The ETag; null for none.</param>
/// <param name="Modified">Last-Modified; null when the server does not send it.</param>
/// <param name="Length">The length in bytes; null when the server does not send it.</param>
internal sealed record RemoteVersion(EntityTagHeaderValue? Tag, DateTimeOffset? Modified, long? Length)
{
    /// <summary>Whether versions of equal length can be told apart.</summary>
    public bool IsNamed => Tag is not null || Modified is not null;

    /// <summary>A number that identifies the version; 0 when the server sends neither ETag nor Last-Modified.</summary>
    public long Stamp => !IsNamed ? 0 : BinaryPrimitives.ReadInt64LittleEndian(
        SHA256.HashData(Encoding.UTF8.GetBytes(string.Create(CultureInfo.InvariantCulture,
            $"{Tag?.Tag ?? $"{Modified:R}"}|{Length}")))) | 1;

    /// <summary>The value for If-Range; null when the server sends neither a strong ETag nor Last-Modified.</summary>
    public RangeConditionHeaderValue? Condition =>
        Tag is { IsWeak: false } ? new RangeConditionHeaderValue(Tag) : Modified is { } date ? new RangeConditionHeaderValue(date) : null;

    /// <summary>The version described by a response.</summary>
    public static RemoteVersion Of(HttpResponseMessage response) => new(
        response.Headers.ETag,
        response.Content.Headers.LastModified,
        response.StatusCode == HttpStatusCode.OK ? response.Content.Headers.ContentLength : response.Content.Headers.ContentRange?.Length);

    /// <summary>Whether the two differ in anything that both specify.</summary>
    public bool Contradicts(RemoteVersion other) =>
        (Length is not null && other.Length is not null && Length != other.Length)
        || (Tag is not null && other.Tag is not null ? Tag.Tag != other.Tag.Tag
            : Modified is not null && other.Modified is not null && Modified != other.Modified);

    /// <summary>
    /// Whether the two are the same version: by ETag or date, and by length; by length alone when neither has an ETag or date.
    /// </summary>
    public bool Matches(RemoteVersion other) =>
        !Contradicts(other)
        && (IsNamed || other.IsNamed
            ? (Tag is not null && other.Tag is not null) || (Modified is not null && other.Modified is not null)
            : Length is not null && Length == other.Length);
}
