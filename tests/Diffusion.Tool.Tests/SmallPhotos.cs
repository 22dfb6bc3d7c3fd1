using Diffusion.TestKit;
using TorchSharp;

namespace Diffusion.Tool.Tests;

/// <summary>A folder with twelve small images in two classes, and a run file for it.</summary>
public sealed class SmallPhotos : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public SmallPhotos()
    {
        for (int i = 0; i < 12; i++)
        {
            using torch.Tensor image = torch.rand(1, 3, 8, 8);
            ImageGrid.Save(image, folder.File("photos", i % 2 == 0 ? "cats" : "dogs", $"{i}.png"), padding: 0);
        }

        File.WriteAllText(RunFile, $$"""
            # A short run.
            device: cpu
            data:
              path: "{{Images}}"
              size: 8
              augmentation:
                flip: 0.5
            training:
              steps: 5
              batchSize: 4
              schedule: rectifiedFlow
              learningRate:
                peak: 1e-3
              objective:
                prediction: flow
                labelDropout: 0.1
              runFolder: "{{Run}}"
              reportEverySteps: 1
            report:
              everySteps: 5
              samples: 4
              sampler: ddim
              steps: 2
            """);
    }

    public string Images => folder.File("photos");

    public string RunFile => folder.File("photos.yaml");

    public string Run => folder.File("run");

    public string PathOf(params string[] parts) => folder.File(parts);

    public void Dispose() => folder.Dispose();
}
