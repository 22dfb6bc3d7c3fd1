using System.Globalization;
using System.Runtime.InteropServices;
using Diffusion.Training;
using TorchSharp;

namespace Diffusion.Benchmarks;

/// <summary>Writes <c>docs/quality.md</c>.</summary>
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
        string training = string.Create(CultureInfo.InvariantCulture,
            $"{result.Step:N0} of {plan.Steps:N0} steps of {QualityTraining.BatchSize} images in {plan.Trained.TotalMinutes:F1} minutes: "
                + $"{result.ImagesSeen:N0} images, {imagesPerSecond:F0} per second");
        string options = string.Create(CultureInfo.InvariantCulture,
            $"prediction {result.RawDenoiser.Parameterization.Description}, {result.RawDenoiser.Schedule.Description}, AdamW with a cosine "
                + $"learning rate from {QualityTraining.PeakLearningRate}, averaged with {result.Averages.Keys.First()}");
        return string.Create(CultureInfo.InvariantCulture, $"""
            # Quality: MNIST after {plan.Minutes:0.#} minutes on a CPU

            This command generates this page:

            ```
            {Command(plan)}
            ```

            | | |
            | --- | --- |
            | date | {DateTime.UtcNow:yyyy-MM-dd} |
            | machine | {Processor()}, {Environment.ProcessorCount} cores; {RuntimeInformation.OSDescription} |
            | software | {RuntimeInformation.FrameworkDescription}, libtorch {torch.__version__}, {torch.get_num_threads()} threads |
            | network | U-Net, channels {string.Join("/", network.BlockOutChannels)}, {parameters:N0} parameters, unconditional |
            | training | {training} |
            | options | {options} |
            | last loss | {plan.Loss:F4} |

            ## Samples

            Averaged weights, DDIM with 50 steps, not selected:

            ![100 samples]({SamplesImage})

            Real test images:

            ![100 real images]({RealImage})

            ## Figures

            A small convolutional classifier, trained on the 60,000 real training images, classifies {accuracy:P2} of the 10,000 test images
            correctly. It evaluates every set of images:

            - **confidence**: the mean of the highest probability among the digits, and the fraction of images above 0.9.
            - **balance**: the entropy of the predicted digits, relative to a uniform distribution; and the fractions of the rarest and the
              most common digit.
            - **distance**: the Frechet distance between {FeatureClassifier.FeatureCount} features of these images and of the 60,000
              training images. A smaller number of images gives a larger distance, so compare only rows with equal numbers. Another
              classifier has another scale.

            Real test images are the lower bound of the distance, noise is the upper bound.

            | images | number | confidence | above 0.9 | balance | rarest, most common | distance |
            | --- | ---: | ---: | ---: | ---: | ---: | ---: |
            {string.Join("\n", rows.Select(Line))}

            """);
    }

    private static string Line(QualityRow row) => string.Create(
        CultureInfo.InvariantCulture,
        $"| {row.Name} | {row.Count:N0} | {row.Confidence:F3} | {row.Confident:P1} | {row.Balance:F3} | {row.MinShare:P1}, "
            + $"{row.MaxShare:P1} "
        + $"| {row.Distance:F2} |");

    private static string Command(QualityPlan plan) => string.Create(
        CultureInfo.InvariantCulture,
        $"DIFFUSION_DATA=<folder that holds mnist> dotnet run -c Release --project benchmarks/Diffusion.Benchmarks -- "
            + $"quality --minutes {plan.Minutes:0.#}");

    private static string Processor() =>
        (File.Exists("/proc/cpuinfo") ? File.ReadLines("/proc/cpuinfo") : [])
            .FirstOrDefault(line => line.StartsWith("model name", StringComparison.Ordinal))
            ?.Split(':', 2)[1].Trim() ?? RuntimeInformation.ProcessArchitecture.ToString();
}
