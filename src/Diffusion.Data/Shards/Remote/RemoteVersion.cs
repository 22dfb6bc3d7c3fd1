using System.Buffers.Binary;
using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Security.Cryptography;
using System.Text;

namespace Diffusion.Data;

/// <summary>What a server says about the version of a file.</summary>
/// <param name="Tag">Its ETag; null for none.</param>
/// <param name="Modified">When it was last modified; null where the server does not say.</param>
/// <param name="Length">Its length in bytes; null where the server does not say.</param>
internal sealed record RemoteVersion(EntityTagHeaderValue? Tag, DateTimeOffset? Modified, long? Length)
{
    /// <summary>Whether the server tells versions of equal length apart.</summary>
    public bool IsNamed => Tag is not null || Modified is not null;

    /// <summary>A number that differs between versions; 0 where the server does not tell them apart.</summary>
    public long Stamp => !IsNamed ? 0 : BinaryPrimitives.ReadInt64LittleEndian(
        SHA256.HashData(Encoding.UTF8.GetBytes(string.Create(CultureInfo.InvariantCulture,
            $"{Tag?.Tag ?? $"{Modified:R}"}|{Length}")))) | 1;

    /// <summary>What If-Range takes; null where the server names no version that is sure to the byte.</summary>
    public RangeConditionHeaderValue? Condition =>
        Tag is { IsWeak: false } ? new RangeConditionHeaderValue(Tag) : Modified is { } date ? new RangeConditionHeaderValue(date) : null;

    /// <summary>The version that an answer is of.</summary>
    public static RemoteVersion Of(HttpResponseMessage response) => new(
        response.Headers.ETag,
        response.Content.Headers.LastModified,
        response.StatusCode == HttpStatusCode.OK ? response.Content.Headers.ContentLength : response.Content.Headers.ContentRange?.Length);

    /// <summary>Whether something that both say differs.</summary>
    public bool Contradicts(RemoteVersion other) =>
        (Length is not null && other.Length is not null && Length != other.Length)
        || (Tag is not null && other.Tag is not null ? Tag.Tag != other.Tag.Tag
            : Modified is not null && other.Modified is not null && Modified != other.Modified);

    /// <summary>
    /// Whether both are the same version: by ETag, else by date, and by length; by length alone where the server names neither.
    /// </summary>
    public bool Matches(RemoteVersion other) =>
        !Contradicts(other)
        && (IsNamed || other.IsNamed
            ? (Tag is not null && other.Tag is not null) || (Modified is not null && other.Modified is not null)
            : Length is not null && Length == other.Length);
}
