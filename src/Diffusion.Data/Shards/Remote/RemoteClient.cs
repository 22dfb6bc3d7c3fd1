using System.Net;
using System.Net.Http.Headers;
using System.Text;

namespace Diffusion.Data;

/// <summary>
/// Sends GET requests with the caller's client or its own. Its own client follows up to ten redirects, and sends the caller's headers,
/// which may contain secrets, only to the host of the address. The caller's client redirects as configured.
/// </summary>
internal sealed class RemoteClient : IDisposable
{
    private const int MaxRedirects = 10;
    private static readonly string[] OwnHeaders = ["Range", "If-Range", "If-None-Match", "If-Modified-Since", "Accept-Encoding", "Host"];
    private static readonly ProductInfoHeaderValue Agent = new("Diffusion.Training", VersionText());

    private readonly HttpClient client;
    private readonly bool isOwn;
    private readonly IReadOnlyDictionary<string, string> headers;

    /// <summary>Creates a client.</summary>
    /// <exception cref="ArgumentException">A header cannot be sent, or both a client and headers were given.</exception>
    public RemoteClient(HttpClient? client, IReadOnlyDictionary<string, string> headers)
    {
        Check(client, headers);
        this.headers = headers;
        isOwn = client is null;

        // The rest of an abandoned response is not read. Connections are renewed regularly, so that DNS changes are noticed.
        this.client = client ?? new HttpClient(new SocketsHttpHandler
        {
            AllowAutoRedirect = false,
            MaxResponseDrainSize = 0,
            PooledConnectionLifetime = TimeSpan.FromMinutes(5),
            UseCookies = false,
        }) { Timeout = Timeout.InfiniteTimeSpan };
    }

    /// <summary>Sends a request and follows redirects where that is allowed.</summary>
    /// <param name="address">http or https.</param>
    /// <param name="prepare">Adds Range and conditional headers.</param>
    /// <param name="cancellation">Cancels the wait for the response headers.</param>
    /// <returns>The response with its body unread; the caller disposes it.</returns>
    public async Task<HttpResponseMessage> Get(Uri address, Action<HttpRequestHeaders> prepare, CancellationToken cancellation)
    {
        Uri asked = address;
        for (int redirects = 0; ; redirects++)
        {
            using HttpRequestMessage request = Request(asked, address, prepare);
            HttpResponseMessage response = await client
                .SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancellation).ConfigureAwait(false);
            if (!isOwn || redirects == MaxRedirects || Next(response, asked) is not { } next)
            {
                return response;
            }

            response.Dispose();
            asked = next;
        }
    }

    /// <summary>Closes its own connections; a client of the caller is not disposed.</summary>
    public void Dispose()
    {
        if (isOwn)
        {
            client.Dispose();
        }
    }

    private static void Check(HttpClient? client, IReadOnlyDictionary<string, string> headers)
    {
        if (client is not null && headers.Count > 0)
        {
            throw new ArgumentException(
                "ShardOptions has both an HttpClient and Headers. Set the headers as DefaultRequestHeaders of the client instead, "
                + "because only the client can keep them from other hosts.");
        }

        using HttpRequestMessage probe = new();
        foreach ((string name, string value) in headers)
        {
            if (OwnHeaders.Contains(name, StringComparer.OrdinalIgnoreCase))
            {
                throw new ArgumentException(
                    $"ShardOptions.Headers has {name}, which is set automatically. Remove it.");
            }

            if (value.Any(letter => letter is < ' ' or > '~') || !probe.Headers.TryAddWithoutValidation(name, value))
            {
                throw new ArgumentException(
                    $"ShardOptions.Headers has '{name}', which is not a valid header. "
                    + "A name is a single word, a value is one line of ASCII characters.");
            }
        }
    }

    private HttpRequestMessage Request(Uri asked, Uri address, Action<HttpRequestHeaders> prepare)
    {
        HttpRequestMessage request = new(HttpMethod.Get, asked);
        request.Headers.AcceptEncoding.Add(new StringWithQualityHeaderValue("identity"));
        if (IsSameHost(asked, address))
        {
            if (address.UserInfo.Length > 0)
            {
                string login = Convert.ToBase64String(Encoding.UTF8.GetBytes(Uri.UnescapeDataString(address.UserInfo)));
                request.Headers.Authorization = new AuthenticationHeaderValue("Basic", login);
            }

            foreach ((string name, string value) in headers)
            {
                request.Headers.Remove(name);
                request.Headers.TryAddWithoutValidation(name, value);
            }
        }

        if (!request.Headers.Contains("User-Agent") && !client.DefaultRequestHeaders.Contains("User-Agent"))
        {
            request.Headers.UserAgent.Add(Agent);
        }

        prepare(request.Headers);
        return request;
    }

    private static Uri? Next(HttpResponseMessage response, Uri asked)
    {
        if (response.StatusCode is not (HttpStatusCode.MovedPermanently or HttpStatusCode.Found or HttpStatusCode.SeeOther
            or HttpStatusCode.TemporaryRedirect or HttpStatusCode.PermanentRedirect) || response.Headers.Location is not { } location)
        {
            return null;
        }

        // Never from an encrypted connection to an unencrypted one.
        return Uri.TryCreate(asked, location, out Uri? next) && (next.Scheme == Uri.UriSchemeHttps
            || (next.Scheme == Uri.UriSchemeHttp && asked.Scheme == Uri.UriSchemeHttp)) ? next : null;
    }

    private static bool IsSameHost(Uri one, Uri other) =>
        one.IdnHost == other.IdnHost && (one.Port == other.Port || (one.IsDefaultPort && other.IsDefaultPort));

    private static string VersionText()
    {
        Version version = typeof(RemoteClient).Assembly.GetName().Version ?? new Version(0, 0);
        return version.ToString(3);
    }
}
