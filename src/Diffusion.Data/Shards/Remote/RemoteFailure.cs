using System.Net;

namespace Diffusion.Data;

/// <summary>Why a request failed.</summary>
/// <param name="Cause">A clause that completes "the request failed because".</param>
/// <param name="Problem">The exception, if there was one.</param>
/// <param name="IsFinal">Whether a retry is pointless.</param>
/// <param name="RetryAfter">The delay that the server asks for.</param>
/// <param name="Remedy">What the user can do about it; empty for the general advice.</param>
internal sealed record RemoteFailure(
    string Cause, Exception? Problem = null, bool IsFinal = false, TimeSpan? RetryAfter = null, string Remedy = "")
{
    /// <summary>The failure that a status code means.</summary>
    public static RemoteFailure Of(HttpResponseMessage response, TimeProvider time)
    {
        int status = (int)response.StatusCode;
        string note = status is >= 300 and < 400 ? ", a redirect that is not followed" : string.Empty;
        TimeSpan? wait = response.Headers.RetryAfter is { } after ? after.Delta ?? (after.Date - time.GetUtcNow()) : null;
        return new RemoteFailure(
            $"the server answered {status} ({response.ReasonPhrase}){note}",
            IsFinal: status is not (408 or 429 or >= 500),
            RetryAfter: wait,
            Remedy: RemedyFor(response.StatusCode));
    }

    private static string RemedyFor(HttpStatusCode status) => status switch
    {
        HttpStatusCode.Unauthorized =>
            "It needs a login: set ShardOptions.Headers (Authorization) or ShardOptions.HttpClient.",
        HttpStatusCode.Forbidden =>
            "The token lacks the permission, the signed address has expired, or the server needs other headers (ShardOptions.Headers).",
        HttpStatusCode.NotFound or HttpStatusCode.Gone => "Check the address, and the numbers in the pattern.",
        HttpStatusCode.ProxyAuthenticationRequired => "The proxy needs a login: set ShardOptions.HttpClient.",
        HttpStatusCode.TooManyRequests or HttpStatusCode.ServiceUnavailable => "The server is busy: run again later.",
        _ => string.Empty,
    };
}
