using Diffusion.Data;
using Diffusion.TestKit;

namespace Diffusion.Training.Tests.Steps;

public sealed class HeldOutLossTests
{
    [Fact]
    public void An_image_that_cannot_be_read_is_left_out_and_nothing_else_changes()
    {
        using TinyModel model = new();
        using StripedImages images = new(count: 40);
        HeldOutSplit split = new(40, 0.25, new SeedStream(1));
        long bad = split.HeldOutIndexAt(3);
        bool broken = true;
        WatchedImages damaged = new(images, index =>
        {
            if (broken && index == bad)
            {
                throw new ImageDataException("one", "gone.");
            }
        });
        Denoiser denoiser = new(model, NoiseSchedule.Cosine(), Parameterization.Epsilon);
        List<BadImage> left = [];
        HeldOutLoss loss = new(denoiser, new Objective(), null, new BatchReader(damaged), split, new SeedStream(1), left.Add);

        double[] without = [loss.Measure(10, TestContext.Current.CancellationToken), loss.Measure(4, TestContext.Current.CancellationToken),
            loss.Measure(1, TestContext.Current.CancellationToken)];
        without[1].Should().BeApproximately(without[0], 1e-5);
        without[2].Should().BeApproximately(without[0], 1e-5);
        left.Should().HaveCount(3).And.OnlyContain(image => image.Index == bad && image.Name == "one" && image.Reason == "gone.");
        HeldOutLoss strict = new(denoiser, new Objective(), null, new BatchReader(damaged), split, new SeedStream(1));
        ((Action)(() => strict.Measure(10, TestContext.Current.CancellationToken))).Should().Throw<ImageDataException>();
        broken = false;
        double whole = loss.Measure(10, TestContext.Current.CancellationToken);
        whole.Should().NotBeApproximately(without[0], 1e-6);
    }
}
