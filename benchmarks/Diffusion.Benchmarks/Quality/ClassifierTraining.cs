using Diffusion.Data;
using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Benchmarks;

/// <summary>Trains the classifiers that evaluate generated images.</summary>
internal static class ClassifierTraining
{
    private const double LearningRate = 2e-3;

    /// <summary>Trains with Adam, the cross-entropy and a learning rate that falls to zero.</summary>
    /// <param name="classifier">Maps images <c>[B, C, H, W]</c> to the logits of the classes.</param>
    /// <param name="images">The images with their labels.</param>
    /// <param name="seed">The seed of their order.</param>
    /// <param name="steps">Optimizer steps.</param>
    /// <param name="batchSize">Images of a step.</param>
    /// <param name="noiseDeviation">The standard deviation of noise that is added to the images. Default 0.</param>
    public static void Run(
        nn.Module<Tensor, Tensor> classifier, IImageSource images, long seed, long steps, int batchSize, double noiseDeviation = 0)
    {
        BatchReader reader = new(images);
        SampleOrder order = new(new SeedStream(seed), images.Count);
        using optim.Optimizer optimizer = optim.Adam(classifier.parameters(), LearningRate);
        for (long step = 0; step < steps; step++)
        {
            using DisposeScope scope = NewDisposeScope();
            using ImageBatch batch = reader.Read([.. Enumerable.Range(0, batchSize).Select(i => order.IndexAt((step * batchSize) + i))]);
            Tensor pixels = noiseDeviation == 0 ? batch.Pixels : batch.Pixels + (randn_like(batch.Pixels) * noiseDeviation);
            optimizer.ParamGroups.Single().LearningRate = LearningRate * (1 - ((double)step / steps));
            optimizer.zero_grad();
            nn.functional.cross_entropy(classifier.call(pixels), batch.Labels!).backward();
            optimizer.step();
            if (step % 200 == 0)
            {
                Console.WriteLine($"Classifier: step {step} of {steps}");
            }
        }
    }
}
