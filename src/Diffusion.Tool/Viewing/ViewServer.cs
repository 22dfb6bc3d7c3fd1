using System.Net;
using System.Net.Mime;
using Diffusion.Tool.Terminal;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.HostFiltering;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Diffusion.Tool.Viewing;

/// <summary>
/// The web server of <c>diffusion view</c>. It listens on the loopback address only, and answers only requests for this host, so that no
/// other computer and no page of another site can read the runs.
/// </summary>
internal sealed class ViewServer : IDisposable
{
    private const string Page = "text/html; charset=utf-8";
    private const string Script = "text/javascript; charset=utf-8";

    private readonly WebApplication application;

    private ViewServer(WebApplication application) => this.application = application;

    /// <summary>The address of the first page.</summary>
    public string Address => application.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First();

    /// <summary>Starts a server.</summary>
    /// <param name="runs">The runs.</param>
    /// <param name="port">The port; 0 for any free one.</param>
    /// <exception cref="ToolUsageException">The port is in use.</exception>
    public static ViewServer Start(RunList runs, int port)
    {
        WebApplicationBuilder builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.Listen(IPAddress.Loopback, port);
        });
        builder.Services.AddRoutingCore().AddLogging(logging => logging.ClearProviders());
        builder.Services.AddHostFiltering(filter => filter.AllowedHosts = ["localhost", "127.0.0.1"]);
        WebApplication site = builder.Build();
        site.UseHostFiltering();
        site.MapGet("/", Answer(_ => (ViewPages.List(runs.All()), Page)));
        site.MapGet("/state", Answer(request => (State(runs, request.Query["run"].ToString()), MediaTypeNames.Text.Plain)));
        site.MapGet("/view.js", Answer(_ => (ScriptText.Value, Script)));
        site.MapGet("/compare.png", Picture(_ => ComparisonPlot.Png(runs.All())));
        site.MapGet("/run/{name}", Answer(request => (Find(runs, request) is { } run ? ViewPages.Run(run) : null, Page)));
        site.MapGet("/run/{name}/{picture}", Picture(request =>
            Find(runs, request)?.Picture((string)request.RouteValues["picture"]!)));
        try
        {
            site.StartAsync().GetAwaiter().GetResult();
        }
        catch (IOException error) when (error.InnerException is AddressInUseException)
        {
            ((IDisposable)site).Dispose();
            throw new ToolUsageException($"Port {port} is in use. Choose another with --port, or --port 0 for any free one.");
        }

        return new ViewServer(site);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        application.StopAsync().GetAwaiter().GetResult();
        ((IDisposable)application).Dispose();
    }

    private static readonly Lazy<string> ScriptText = new(() =>
    {
        using StreamReader reader = new(typeof(ViewServer).Assembly.GetManifestResourceStream("view.js")!);
        return reader.ReadToEnd();
    });

    private static string? State(RunList runs, string name) => name.Length > 0
        ? runs.Find(name)?.Version
        : RunList.VersionOf(runs.All());

    private static ViewedRun? Find(RunList runs, HttpRequest request) => runs.Find((string)request.RouteValues["name"]!);

    private static RequestDelegate Answer(Func<HttpRequest, (string? Text, string Type)> page) => async context =>
    {
        (string? text, string type) = page(context.Request);
        context.Response.Headers.XContentTypeOptions = "nosniff";
        context.Response.Headers.CacheControl = "no-store";
        if (text is null)
        {
            context.Response.StatusCode = StatusCodes.Status404NotFound;
            return;
        }

        context.Response.ContentType = type;
        await context.Response.WriteAsync(text, context.RequestAborted).ConfigureAwait(false);
    };

    // The address of a picture contains its version, so browsers may keep it.
    private static RequestDelegate Picture(Func<HttpRequest, byte[]?> picture) => async context =>
    {
        byte[]? png = picture(context.Request);
        context.Response.Headers.XContentTypeOptions = "nosniff";
        if (png is null)
        {
            context.Response.StatusCode = StatusCodes.Status404NotFound;
            return;
        }

        context.Response.ContentType = MediaTypeNames.Image.Png;
        context.Response.Headers.CacheControl = "private, max-age=3600";
        await context.Response.Body.WriteAsync(png, context.RequestAborted).ConfigureAwait(false);
    };
}
