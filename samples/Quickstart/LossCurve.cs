using System.Text.Json;
using ScottPlot;

namespace Quickstart;

/// <summary>Draws the loss over the steps, from the metrics that the trainer wrote.</summary>
internal static class LossCurve
{
    /// <summary>Reads metrics (one JSON object per line) and saves a plot.</summary>
    public static void Save(string metrics, string picture)
    {
        List<double> steps = [];
        List<double> losses = [];
        foreach (string line in File.ReadLines(metrics))
        {
            using JsonDocument report = JsonDocument.Parse(line);
            if (report.RootElement.GetProperty("loss") is { ValueKind: JsonValueKind.Number } loss)
            {
                steps.Add(report.RootElement.GetProperty("step").GetInt64());
                losses.Add(loss.GetDouble());
            }
        }

        using Plot plot = new();
        plot.Add.ScatterLine(steps, losses);
        plot.Title("Training loss");
        plot.XLabel("optimizer step");
        plot.YLabel("mean squared error");
        plot.SavePng(picture, 900, 500);
    }
}
