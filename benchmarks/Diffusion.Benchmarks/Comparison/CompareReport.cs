using System.Globalization;
using Diffusion.Reporting;
using ScottPlot;
using TorchSharp;
using PlotStyle = Diffusion.Reporting.PlotStyle;

namespace Diffusion.Benchmarks;

/// <summary>Writes the tables and pictures of <c>compare</c>: <c>comparison-DATA.md</c>.</summary>
internal sealed class CompareReport(
    ComparedData data, ComparedTables tables, ComparedTraining training, int images, string folder,
    string machine)
{
    private readonly QualityRow real = data.MeasureReal(images);

    /// <summary>The picture of a model's samples.</summary>
    public string GridOf(ComparedModel model) => Path.Combine(folder, PictureOf(model));

    public void Save()
    {
        Plot(ComparedTables.Samplers, "Distance of the samplers by calls, with guidance", "samplers");
        Plot(ComparedTables.Parameterizations, "Distance of the models by calls", "parameterizations");
        File.WriteAllText(Path.Combine(folder, $"comparison-{data.Name}.md"), Text());
    }

    private string PictureOf(ComparedModel model) =>
        $"images/comparison-{data.Name}-{model.Name.Replace(",", "").Replace(' ', '-')}.png";

    private string Text() => string.Create(CultureInfo.InvariantCulture, $"""
        # Samplers, models, guidance and averages on {(data.Name == "mnist" ? "MNIST" : "tiles of a game")}

        This command generated this page, on {machine}; it resumes where it was interrupted:

        ```
        DIFFUSION_DATA=<folder of the datasets> dotnet run -c Release --project benchmarks/Diffusion.Benchmarks -- {Command()}
        ```

        Every model has the same network (a U-Net of 64 channels with attention, on patches of 4 x 4 pixels), the same images in the same
        order, {training.Steps:N0} steps of {training.BatchSize} images, AdamW with a cosine learning rate from
        {ComparedModel.PeakLearningRate}, and labels that are dropped in 10% of the images. This is a small
        budget: compare the rows of a table with each other, not with published figures. Guided rows have a scale of
        {ComparedTables.GuidanceScale}; each of their calls evaluates twice as many images.

        A classifier that reads {data.Accuracy:P1} of {(data.Name == "mnist" ? "test" : "these")} images correctly evaluates the samples:
        **distance** is the Frechet distance between 64 of its features of the samples and of the training images ({real.Distance:F2} for
        as many real images, of which it reads {real.Asked:P1} correctly); **as asked** is the fraction that it reads as the class that was
        asked for. Every row has {images:N0} images, if the table says nothing else. A smaller number of images gives a larger distance.

        ## Models

        Averaged weights, `DpmSolver` of order 2: distance, and in brackets the fraction read as asked.

        {ByCalls(ComparedTables.Parameterizations)}

        ![Distance by calls](images/comparison-{data.Name}-parameterizations.png)

        {string.Join("\n\n", ComparedModel.All.Select(Picture))}

        ## Samplers

        The {ComparedModel.All[0].Name} model with guidance.

        {ByCalls(ComparedTables.Samplers)}

        ![Distance by calls](images/comparison-{data.Name}-samplers.png)

        ## Guidance

        The {ComparedModel.All[0].Name} model, `DpmSolver` of order 2 with 20 calls.

        {Simple(ComparedTables.Guidance, "scale")}

        ## Averages

        The same with guidance.

        {Simple(ComparedTables.Averages, "average")}
        {Seeds()}
        """);

    private string Command() =>
        FormattableString.Invariant($"compare --data {data.Name} --steps {training.Steps} --batch {training.BatchSize} --images {images}")
        + (training.Device.Type == DeviceType.CPU ? "" : $" --device {training.Device}")
        + (tables.Rows.Any(row => row.Table == ComparedTables.Seeds) ? "" : " --skip-seeds");

    private string Picture(ComparedModel model) =>
        $"{Capital(model.Name)}, 20 calls, not selected:\n\n![{model.Name}]({PictureOf(model)})";

    private static string Capital(string text) => char.ToUpperInvariant(text[0]) + text[1..];

    private static string Figure(QualityRow row) => string.Create(CultureInfo.InvariantCulture, $"{row.Distance:F1} ({row.Asked:P1})");

    private string ByCalls(string table)
    {
        ComparedRow[] own = [.. tables.Rows.Where(row => row.Table == table)];
        int[] calls = [.. own.Select(row => row.Calls).Distinct().Order()];
        IEnumerable<string> lines = own.GroupBy(row => row.Name).Select(group =>
            $"| {group.Key} | {string.Join(" | ", group.OrderBy(row => row.Calls).Select(row => Figure(row.Measured)))} |");
        return $"| calls | {string.Join(" | ", calls)} |\n| --- |{string.Concat(calls.Select(_ => " ---: |"))}\n{string.Join("\n", lines)}";
    }

    private string Simple(string table, string name) => $"| {name} | distance (as asked) |\n| --- | ---: |\n"
        + string.Join("\n", tables.Rows.Where(row => row.Table == table).Select(row => $"| {row.Name} | {Figure(row.Measured)} |"));

    private string Seeds()
    {
        IGrouping<string, ComparedRow>[] groups =
            [.. tables.Rows.Where(row => row.Table == ComparedTables.Seeds).GroupBy(row => row.Name.Split(", seed ")[0])];
        return groups.Length == 0 ? "" : $"""

            ## Ten calls and a thousand

            The {ComparedModel.All[0].Name} model without guidance, {ComparedTables.LastImages:N0} images of each of three seeds.

            | sampler | calls | distance of each seed | mean |
            | --- | ---: | --- | ---: |
            {string.Join("\n", groups.Select(OfSeeds))}

            """;
    }

    private static string OfSeeds(IGrouping<string, ComparedRow> group)
    {
        double[] distances = [.. group.Select(row => row.Measured.Distance)];
        string each = string.Join(", ", distances.Select(distance => distance.ToString("F2", CultureInfo.InvariantCulture)));
        return string.Create(CultureInfo.InvariantCulture,
            $"| {group.Key} | {group.First().Calls} | {each} | {distances.Average():F2} |");
    }

    private void Plot(string table, string title, string name)
    {
        ComparedRow[] own = [.. tables.Rows.Where(row => row.Table == table)];
        if (own.Length == 0)
        {
            return;
        }

        PlotFile.Save(Path.Combine(folder, $"images/comparison-{data.Name}-{name}.png"), plot =>
        {
            plot.Title(title);
            plot.XLabel("calls of the network");
            plot.YLabel("Frechet distance");
            PlotStyle.SetLogarithmic(plot.Axes.Left, own.Min(row => row.Measured.Distance), own.Max(row => row.Measured.Distance),
                PlotStyle.LossText);
            PlotStyle.SetLogarithmic(plot.Axes.Bottom, own.Min(row => row.Calls), own.Max(row => row.Calls), PlotStyle.StepText);
            IPalette palette = new ScottPlot.Palettes.Category20();
            foreach ((int index, IGrouping<string, ComparedRow> group) in own.GroupBy(row => row.Name).Index())
            {
                PlotStyle.AddCurve(plot, group.OrderBy(row => row.Calls).Select(row => (Math.Log10(row.Calls), row.Measured.Distance)),
                    palette.GetColor(index), group.Key, 2).MarkerSize = 6;
            }

            plot.ShowLegend(Alignment.UpperRight);
        });
    }
}
