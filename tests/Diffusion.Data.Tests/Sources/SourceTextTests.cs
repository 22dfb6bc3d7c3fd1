using Diffusion.TestKit;
using Samples;
using TorchSharp;

namespace Diffusion.Data.Tests;

public sealed class SourceTextTests
{
    [Fact]
    public void The_text_of_every_source_describes_it()
    {
        using torch.Tensor pixels = torch.zeros(2, 1, 4, 4);
        IImageSource[] sources =
        [
            ImageTensors.From(pixels),
            DrawnShapes.Create(4, 8),
            new ByteImages(new byte[32], new ImageShape(1, 4, 4), null, null, "2 images of bytes"),
            InMemoryImages.Load(DrawnShapes.Create(4, 8), cancellationToken: TestContext.Current.CancellationToken),
            DrawnShapes.Create(4, 8).With(ImageTransform.RandomFlip()),
        ];
        foreach (IImageSource source in sources)
        {
            source.ToString().Should().Be(source.Description);
            source.Dispose();
        }
    }
}
