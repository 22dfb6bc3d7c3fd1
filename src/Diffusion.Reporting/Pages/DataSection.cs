using System.Globalization;

namespace Diffusion.Reporting;

/// <summary>The images of a run: numbers, classes, colors and some of them.</summary>
internal static class DataSection
{
    private const int MaxClasses = 100;

    /// <summary>Makes the section; empty if nothing is known about the images.</summary>
    /// <param name="run">The run.</param>
    /// <param name="pictures">The addresses of the pictures.</param>
    public static Html Of(RunRecord run, PagePictures pictures)
    {
        if (run.Facts?.Data is not { } data)
        {
            return default;
        }

        (string Name, string? Value)[] rows =
        [
            ("source", data.Description),
            ("opened", data.Report == data.Description ? null : data.Report),
            ("images", string.Create(CultureInfo.InvariantCulture, $"{data.Count:N0} of {data.Shape}, {data.HeldOut:N0} held out")),
            ("mean of each channel, -1 to 1", Numbers(data.Means)),
            ("standard deviation of each channel", Numbers(data.Deviations)),
        ];
        return Html.Of($"""
            <section><h2>Data</h2><table>
            {Html.Join(rows.Where(row => row.Value is not null)
                .Select(row => Html.Of($"<tr><th>{row.Name}</th><td>{row.Value}</td></tr>\n")))}
            </table>
            {Html.If(run.DataPicture is not null, () => Html.Of($"""
                <figure><img src="{pictures("data.png", () => File.ReadAllBytes(run.DataPicture!))}" alt="some of the images">
                <figcaption>random images, of shards those of the first one, as training sees them without random changes</figcaption>
                </figure>
                """))}
            {Html.If(data.Classes.Count > 0, () => Classes(data))}
            </section>

            """);
    }

    private static Html Classes(DataSheet data)
    {
        long max = data.Classes.Max(one => one.Count);
        return Html.Of($"""
            <h3>{data.Classes.Count:N0} classes{Note(data)}</h3><table class="classes">
            {Html.Join(data.Classes.Take(MaxClasses).Select(one => Html.Of($"""
                <tr><th>{one.Label:N0}</th><td>{one.Name}</td><td>{one.Count:N0}</td>
                <td><meter min="0" max="{max}" value="{one.Count}"></meter></td></tr>

                """)))}
            </table>
            {Html.If(data.Classes.Count > MaxClasses, () => Html.Of($"""
                <p class="note">and {data.Classes.Count - MaxClasses:N0} more</p>
                """))}
            """);
    }

    private static string Note(DataSheet data) => data.Counted < data.Count
        ? string.Create(CultureInfo.InvariantCulture, $", counted over {data.Counted:N0} images")
        : string.Empty;

    private static string Numbers(IEnumerable<double> values) =>
        string.Join(", ", values.Select(value => value.ToString("F3", CultureInfo.InvariantCulture)));
}
