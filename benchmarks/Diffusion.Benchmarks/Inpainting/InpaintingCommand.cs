using System.CommandLine;
using Diffusion.Data;
using Diffusion.Sampling;
using Samples;
using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Benchmarks;

/// <summary>
/// <c>inpainting</c>: fills the right half of new drawings with a model of the quickstart, and measures the known half and the seam.
/// </summary>
internal static class InpaintingCommand
{
    private const double MaxKnownDifference = 1e-6;
    private const double MaxSeam = 1.5;
    private const int Seam = 16; // the first unknown column of 32
    private const long UnseenSeed = 7;

    public static Command Create()
    {
        Option<string> run = new("--run") { Description = "The run of the quickstart.", DefaultValueFactory = _ => "runs/shapes" };
        Option<int> count = new("--count") { Description = "Images.", DefaultValueFactory = _ => 60 };
        Option<string?> picture = new("--picture") { Description = "Writes the first ten images here." };
        Command command = new("inpainting", "Fills the right half of drawings; measures the known half and the seam.")
        {
            run, count, picture,
        };
        command.SetAction(arguments => Run(arguments.GetValue(run)!, arguments.GetValue(count), arguments.GetValue(picture)));
        return command;
    }

    private static int Run(string run, int count, string? picture)
    {
        ComputeDevice.Cpu().Activate();
        using DisposeScope scope = NewDisposeScope();
        using TrainedModel model = TrainedModel.Open(run);
        using DrawnShapes drawings = DrawnShapes.Create(count, seed: UnseenSeed);
        using ImageBatch batch = new BatchReader(drawings).Read([.. Enumerable.Range(0, count).Select(i => (long)i)]);
        Tensor known = batch.Pixels; // [B, 3, 32, 32]
        Tensor mask = zeros(1, 1, 1, known.shape[3]);
        mask[.., .., .., ..Seam] = 1;

        SampleRequest request = new()
        {
            Count = count, BatchSize = count, Seed = 1, ClassLabels = [.. Enumerable.Range(0, count).Select(i => drawings.LabelOf(i))],
        };
        DpmSolver withNoise = new() { Steps = 50, Eta = 1 };
        Tensor replaced = withNoise.Sample(new InpaintingDenoiser(model.Denoiser, known, mask), request);
        Tensor resampled = new ResamplingSampler
        {
            Inner = new DdimSampler { Steps = 20 }, Known = known, Mask = mask, JumpLength = 4, Resamples = 4,
        }.Sample(model.Denoiser, request);
        if (picture is not null)
        {
            Tensor[] rows = [known, known * mask, replaced, resampled];
            ImageGrid.Save(cat([.. rows.Select(images => images[..10])]), picture, columns: 10, scale: 2);
        }

        double difference = new[] { replaced, resampled }.Max(images => ((images - known) * mask).abs().max().item<float>());
        (double drawn, double first, double second) = (Step(known), Step(replaced), Step(resampled));
        return Verdict.Print(
            FormattableString.Invariant(
                $"the step at the seam is {drawn:F2} times that of its neighbors in drawings, {first:F2} with InpaintingDenoiser, ")
                + FormattableString.Invariant($"{second:F2} with ResamplingSampler; the known half differs by at most {difference:E1}"),
            FormattableString.Invariant($"targets: a seam at most {MaxSeam} times that of drawings, {MaxKnownDifference:E0}"),
            difference <= MaxKnownDifference && Math.Max(first, second) <= MaxSeam * drawn);
    }

    // The mean difference between the columns at the seam, divided by that between the four next columns on both sides.
    private static double Step(Tensor images)
    {
        double[] steps = [.. Enumerable.Range(Seam - 5, 9).Select(column =>
            (double)(images[.., .., .., column + 1] - images[.., .., .., column]).abs().mean().item<float>())];
        return steps[4] / steps.Where((_, index) => index != 4).Average();
    }
}
