using System.Globalization;
using System.Runtime.InteropServices;
using Diffusion.Training;
using TorchSharp;

namespace Diffusion.Benchmarks;

/// <summary>What <c>docs/quality.md</c> says.</summary>
internal sealed class QualityReport(double accuracy, QualityPlan plan, TrainingResult result, IReadOnlyList<QualityRow> rows)
{
    public const string FileName = "quality.md";
    public const string SamplesImage = "images/quality-samples.png";
    public const string RealImage = "images/quality-real.png";

    public void Save(string folder)
    {
        Directory.CreateDirectory(folder);
        File.WriteAllText(Path.Combine(folder, FileName), Text());
    }

    private string Text()
    {
        UNet2DOptions network = ((UNet2D)result.RawDenoiser.Model).Options;
        long parameters = result.RawDenoiser.Model.Network.parameters().Sum(p => p.numel());
        double imagesPerSecond = result.ImagesSeen / plan.Trained.TotalSeconds;
        return string.Create(CultureInfo.InvariantCulture, $"""
            # Quality: MNIST after {plan.Minutes:0.#} minutes on a CPU

            This page is written by

            ```
            DIFFUSION_DATA=<folder that holds mnist> dotnet run -c Release --project benchmarks/Diffusion.Benchmarks -- quality --minutes {plan.Minutes:0.#}
            ```

            | | |
            | --- | --- |
            | date | {DateTime.UtcNow:yyyy-MM-dd} |
            | machine | {Processor()}, {Environment.ProcessorCount} cores; {RuntimeInformation.OSDescription} |
            | software | {RuntimeInformation.FrameworkDescription}, libtorch {torch.__version__}, {torch.get_num_threads()} threads |
            | network | U-Net, channels {string.Join("/", network.BlockOutChannels)}, {parameters:N0} parameters, unconditional |
            | training | {result.Step:N0} of {plan.Steps:N0} steps of {QualityTraining.BatchSize} images in {plan.Trained.TotalMinutes:F1} minutes: {result.ImagesSeen:N0} images, {imagesPerSecond:F0} per second |
            | options | prediction {result.RawDenoiser.Parameterization.Description}, {result.RawDenoiser.Schedule.Description}, AdamW with a cosine learning rate from {QualityTraining.PeakLearningRate}, EMA decay {QualityTraining.EmaDecay} |
            | last loss | {plan.Loss:F4} |

            ## Samples

            Averaged weights, DDIM with 50 steps, not selected:

            ![100 samples]({SamplesImage})

            Real test images:

            ![100 real images]({RealImage})

            ## Figures

            A small convolutional classifier, trained on the 60,000 real training images, names {accuracy:P2} of the 10,000 test images rightly. It
            judges every set of images:

            - **confidence**: the mean of the highest probability that it gives to a digit, and the share of images above 0.9;
            - **balance**: the entropy of the digits that it sees, relative to that of ten equal shares; and the rarest and the commonest digit's share;
            - **distance**: the Frechet distance between its {DigitClassifier.FeatureCount} features of these images and of the 60,000 training images. Fewer images give a larger
              distance by themselves, so compare rows of equal number only. Other classifiers have other scales.

            Real test images are the floor, noise is the ceiling.

            | images | number | confidence | above 0.9 | balance | rarest, commonest | distance |
            | --- | ---: | ---: | ---: | ---: | ---: | ---: |
            {string.Join("\n", rows.Select(Line))}

            """);
    }

    private static string Line(QualityRow row) => string.Create(
        CultureInfo.InvariantCulture,
        $"| {row.Name} | {row.Count:N0} | {row.Confidence:F3} | {row.Confident:P1} | {row.Balance:F3} | {row.MinShare:P1}, "
            + $"{row.MaxShare:P1} "
        + $"| {row.Distance:F2} |");

    private static string Processor() =>
        (File.Exists("/proc/cpuinfo") ? File.ReadLines("/proc/cpuinfo") : [])
            .FirstOrDefault(line => line.StartsWith("model name", StringComparison.Ordinal))
            ?.Split(':', 2)[1].Trim() ?? RuntimeInformation.ProcessArchitecture.ToString();
}
