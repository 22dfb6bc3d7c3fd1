using System.Net;

namespace Diffusion.Data;

/// <summary>Why one request brought no whole answer.</summary>
/// <param name="Cause">A clause for "it failed because".</param>
/// <param name="Problem">What was thrown, if anything.</param>
/// <param name="IsFinal">Whether asking again is useless.</param>
/// <param name="RetryAfter">How long the server asks to wait.</param>
/// <param name="Remedy">What to do about it; empty for the usual advice.</param>
internal sealed record RemoteFailure(
    string Cause, Exception? Problem = null, bool IsFinal = false, TimeSpan? RetryAfter = null, string Remedy = "")
{
    /// <summary>The failure that a status stands for.</summary>
    public static RemoteFailure Of(HttpResponseMessage response, TimeProvider time)
    {
        int status = (int)response.StatusCode;
        string note = status is >= 300 and < 400 ? ", a redirection that is not followed" : string.Empty;
        TimeSpan? wait = response.Headers.RetryAfter is { } after ? after.Delta ?? (after.Date - time.GetUtcNow()) : null;
        return new RemoteFailure(
            $"the server answered {status} ({response.ReasonPhrase}){note}", IsFinal: status is not (408 or 429 or >= 500),
                RetryAfter: wait,
            Remedy: RemedyFor(response.StatusCode));
    }

    private static string RemedyFor(HttpStatusCode status) => status switch
    {
        HttpStatusCode.Unauthorized =>
            "It needs a login: pass a token with ShardOptions.Headers (Authorization), or your own ShardOptions.HttpClient.",
        HttpStatusCode.Forbidden =>
            "The token lacks the right, the signed address has expired, or the server wants other headers: see ShardOptions.Headers.",
        HttpStatusCode.NotFound or HttpStatusCode.Gone => "Check the address, and the numbers in the pattern.",
        HttpStatusCode.ProxyAuthenticationRequired => "The proxy needs a login: pass your own ShardOptions.HttpClient.",
        HttpStatusCode.TooManyRequests or HttpStatusCode.ServiceUnavailable => "The server is busy: run again later.",
        _ => string.Empty,
    };
}
