using System.Globalization;
using Diffusion.Reporting;

namespace Diffusion.Tool.Viewing;

/// <summary>The pages of <c>diffusion view</c>.</summary>
internal static class ViewPages
{
    /// <summary>Only this server's files are loaded, and only its script runs.</summary>
    private const string Policy = "default-src 'none'; img-src 'self'; style-src 'unsafe-inline'; script-src 'self'; connect-src 'self'";

    /// <summary>The page of all runs.</summary>
    public static string List(IReadOnlyList<ViewedRun> runs) => Page("Runs", string.Empty, RunList.VersionOf(runs), () => Html.Of($"""
        <header><h1>Runs</h1></header>
        {Html.If(runs.Count == 0, () => Html.Of($"""<p class="note">There is no run yet.</p>"""))}
        {Html.If(runs.Count > 0, () => Html.Of($"""
            <section class="plots">
            <img src="/compare.png?v={string.Join('.', runs.Take(ComparisonPlot.MaxRuns).Select(run => run.Version))}"
            alt="the losses of the runs" width="560" height="340"></section>
            """))}
        <section class="runs">{Html.Join(runs.Select(Card))}</section>
        """));

    /// <summary>The page of a run.</summary>
    public static string Run(ViewedRun run)
    {
        string address = $"/run/{Uri.EscapeDataString(run.Name)}";
        return Page(run.Name, run.Name, run.Version, () => Html.Of($"""
            <nav><a href="/">All runs</a></nav>
            {run.Read(record => RunPage.Content(record, (name, _) => $"{address}/{name}?v={run.Version}"))}
            """));
    }

    private static Html Card(ViewedRun run)
    {
        string address = $"/run/{Uri.EscapeDataString(run.Name)}";
        RunPoint? last;
        string? samples, ending;
        try
        {
            (last, samples, ending) = run.Summary;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return Html.Of($"""
                <article class="run"><h3><a href="{address}">{run.Name}</a></h3><p class="note">{error.Message}</p></article>

                """);
        }

        string step = last is null
            ? "no report yet"
            : string.Create(CultureInfo.InvariantCulture, $"step {last.Step:N0} of {last.Steps:N0}, loss {last.Loss:G4}");
        return Html.Of($"""
            <article class="run"><h3><a href="{address}">{run.Name}</a></h3>
            {Html.If(samples is not null, () => Html.Of($"""
                <a href="{address}"><img src="{address}/{samples}?v={run.Version}" alt="samples"></a>
                """))}
            <p>{step}</p><p class="note">{ending}</p></article>

            """);
    }

    // The version is older than the content: what changes in between is fetched once more.
    private static string Page(string title, string run, string version, Func<Html> content) => RunPage.Page(
        title, Policy, Html.Of($"""<script src="/view.js" data-run="{run}" data-version="{version}" defer></script>"""), content());
}
