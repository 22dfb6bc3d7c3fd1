using System.Globalization;
using Diffusion.Training;

namespace Diffusion.Reporting;

/// <summary>A run as one page of HTML, without scripts: status, findings, samples, plots, plan, data and options.</summary>
internal static class RunPage
{
    private const int MaxEarlierSamples = 8;
    private const int MaxPictureBytes = 8 << 20; // all earlier samples together

    private static readonly Lazy<string> Style = new(() =>
    {
        using Stream css = typeof(RunPage).Assembly.GetManifestResourceStream("page.css")!;
        using StreamReader reader = new(css);
        return reader.ReadToEnd();
    });

    /// <summary>Makes a page that contains its pictures, for a file.</summary>
    public static string SelfContained(RunRecord run) => Page(
        $"{run.Name}", "default-src 'none'; img-src data:; style-src 'unsafe-inline'", default,
        Content(run, (_, content) => $"data:image/png;base64,{Convert.ToBase64String(content())}"));

    /// <summary>Makes a whole page.</summary>
    /// <param name="title">The title.</param>
    /// <param name="policy">What the browser may load: a Content-Security-Policy.</param>
    /// <param name="head">More for the head.</param>
    /// <param name="content">The content.</param>
    public static string Page(string title, string policy, Html head, Html content) => Html.Of($"""
        <!DOCTYPE html>
        <html lang="en">
        <head>
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <meta http-equiv="Content-Security-Policy" content="{policy}">
        <title>{title}</title>
        <style>{new Html(Style.Value)}</style>
        {head}
        </head>
        <body>
        {content}
        </body>
        </html>

        """).ToString();

    /// <summary>Makes the content of the page of a run.</summary>
    /// <param name="run">The run.</param>
    /// <param name="pictures">The addresses of its pictures.</param>
    public static Html Content(RunRecord run, PagePictures pictures) => Html.Join(
    [
        Html.Of($"""<header><h1>{run.Name}</h1><p class="state {RunState.Class(run)}">{RunState.Text(run)}</p></header>"""),
        Facts(run), Findings(run), Samples(run, pictures), Plots(run, pictures), PlanSection.Of(run), DataSection.Of(run, pictures),
        OptionsSection.Of(run),
    ]);

    private static Html Facts(RunRecord run)
    {
        if (run.Metrics.Last is not { } last)
        {
            return Html.Of($"""<p class="note">No report yet.</p>""");
        }

        RunFacts? known = run.Facts;
        (string Name, string? Value)[] facts =
        [
            ("step", Text($"{last.Step:N0} of {last.Steps:N0}")),
            ("loss", PlotStyle.LossText(last.Loss)),
            ("held-out loss", run.Metrics.HeldOut is [.., { } held] ? PlotStyle.LossText(held.Loss) : null),
            ("images seen", Text($"{last.ImagesSeen:N0}")),
            ("images/s", Text($"{last.ImagesPerSecond:N1}")),
            ("time", TimeText.Of(last.Elapsed)),
            ("time left", run.Ending is null ? TimeText.Of(last.Remaining) : null),
            ("learning rate", last.LearningRate.ToString("G3", CultureInfo.InvariantCulture)),
            ("skipped steps", last.SkippedSteps == 0 ? null : Text($"{last.SkippedSteps:N0}")),
            ("overflowed steps", last.OverflowedSteps == 0 ? null : Text($"{last.OverflowedSteps:N0}")),
            ("loss scale", last.LossScale is { } scale ? Text($"{scale:N0}") : null),
            ("unreadable images", last.BadImages == 0 ? null : Text($"{last.BadImages:N0}")),
            ("parameters", known is null ? null : Text($"{known.ParameterCount:N0}")),
            ("device", known?.Device),
            ("started", known is null ? null : RunState.Time(known.StartedAt)),
        ];
        return Html.Of($"""
            <dl class="facts">{Html.Join(facts.Where(fact => fact.Value is not null)
                .Select(fact => Html.Of($"<div><dt>{fact.Name}</dt><dd>{fact.Value}</dd></div>")))}</dl>

            """);
    }

    private static Html Findings(RunRecord run)
    {
        IReadOnlyList<HealthFinding> findings = run.Findings;
        IReadOnlyList<string> warnings = run.Facts?.Warnings ?? [];
        string? error = run.Ending?.Error;
        return Html.If(findings.Count + warnings.Count > 0 || error is not null, () => Html.Of($"""
            <section><h2>Findings</h2>
            {Html.If(error is not null, () => Html.Of($"""
                <div class="finding bad"><h3>The run ended with an error</h3><p>{error}</p></div>
                """))}
            {Html.Join(findings.Select(finding => Html.Of($"""
                <div class="finding bad"><h3>{finding.Kind.ToString()} at step {finding.Step:N0}</h3>
                <p>{finding.Seen}</p><p>{finding.Meaning}</p><p><b>{finding.Remedy}</b></p></div>
                """)))}
            {Html.Join(warnings.Select(warning => Html.Of($"""<div class="finding"><h3>Unusual setting</h3><p>{warning}</p></div>""")))}
            </section>

            """));
    }

    private static Html Samples(RunRecord run, PagePictures pictures)
    {
        if (run.Samples.Count == 0)
        {
            return default;
        }

        Html Figure((long Step, string Path) sample) => Html.Of($"""
            <figure>
            <img src="{pictures(Path.GetFileName(sample.Path), () => File.ReadAllBytes(sample.Path))}" alt="samples">
            <figcaption>step {sample.Step:N0}</figcaption></figure>

            """);
        return Html.Of($"""
            <section><h2>Samples</h2>
            <div class="newest">{Figure(run.Samples[^1])}</div>
            <div class="earlier">{Html.Join(Spaced([.. run.Samples.SkipLast(1)]).Select(Figure))}</div>
            </section>

            """);
    }

    // The newest first. The early ones show more of a change than the late ones, so the steps are spaced by ratio.
    private static List<(long Step, string Path)> Spaced(IReadOnlyList<(long Step, string Path)> samples)
    {
        List<(long Step, string Path)> chosen = [];
        long bytes = 0;
        double next = double.PositiveInfinity;
        double ratio = samples.Count <= MaxEarlierSamples ? 1
            : Math.Pow((double)samples[^1].Step / Math.Max(1, samples[0].Step), 1.0 / (MaxEarlierSamples - 1));
        foreach ((long step, string path) in samples.Reverse())
        {
            if (step > next * 1.0001)
            {
                continue;
            }

            bytes += new FileInfo(path).Length;
            if (bytes > MaxPictureBytes || chosen.Count == MaxEarlierSamples)
            {
                break;
            }

            chosen.Add((step, path));
            next = step / ratio;
        }

        return chosen;
    }

    private static Html Plots(RunRecord run, PagePictures pictures) => Html.If(run.Metrics.Points.Count > 0, () => Html.Of($"""
        <section><h2>Progress</h2><div class="plots">
        {Html.Join(RunPlots.All.Select(plot => Html.Of($"""
            <img src="{pictures(plot.Key, () => RunPlots.Png(run.Metrics, plot.Key))}" alt="{plot.Value.Title}" width="560" height="340">

            """)))}</div></section>

        """));

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
