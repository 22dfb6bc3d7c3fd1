using Diffusion.TestKit;
using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Training.Tests.Steps;

public sealed class TrainingPassTests
{
    [Fact]
    public void Timesteps_are_whole_uniform_and_reach_both_ends()
    {
        using TinyModel model = new();
        TrainingPass pass = new(new Denoiser(model, NoiseSchedule.Cosine(250)), new Objective(), new SeedStream(3));
        double[] values = [.. pass.DrawLevels([.. Enumerable.Range(0, 100_000).Select(i => (long)i)]).Select(level => level.Time)];

        values.Should().OnlyContain(value => double.IsInteger(value));
        values.Min().Should().Be(0);
        values.Max().Should().Be(249);
        values.Average().Should().BeApproximately(124.5, 1);
        values.GroupBy(v => v).Select(g => g.Count()).Should().OnlyContain(count => count > 280 && count < 520);
    }

    [Fact]
    public void A_clean_image_predicted_with_its_loss_in_velocity_space_has_the_gradient_of_the_velocity_s_own_loss()
    {
        DiscreteSchedule schedule = NoiseSchedule.Cosine();
        using DisposeScope scope = NewDisposeScope();
        using TinyModel model = new();
        Denoiser denoiser = new(model, schedule, Parameterization.Sample);
        SeedStream seeds = new(3);
        TrainingPass pass = new(denoiser, new Objective { Space = Parameterization.Velocity }, seeds);
        Tensor clean = rand(8, 1, 8, 8).mul(2).sub(1);
        long[] positions = [.. Enumerable.Range(100, 8).Select(i => (long)i)];
        NoiseLevel[] levels = [.. ((int[])[20, 100, 200, 350, 500, 700, 900, 999]).Select(t => schedule[t])];

        pass.Loss(clean, Conditioning.None, levels, positions).backward();
        Tensor[] gradients = [.. model.parameters().Select(parameter => parameter.grad!.clone())];
        model.zero_grad();

        // By hand: v = (alpha * x - clean) / sigma, of the prediction and of the image.
        Tensor noise = NormalNoise.Draw(seeds, RandomPurpose.Noise, positions, new ImageShape(1, 8, 8));
        Tensor alpha = tensor([.. levels.Select(level => (float)level.Alpha)]).reshape(-1, 1, 1, 1); // [B, 1, 1, 1]
        Tensor sigma = tensor([.. levels.Select(level => (float)level.Sigma)]).reshape(-1, 1, 1, 1); // [B, 1, 1, 1]
        Tensor noisy = (alpha * clean) + (sigma * noise);
        Tensor predicted = denoiser.Predict(noisy, levels, null);
        Tensor velocity = ((alpha * noisy) - predicted) / sigma;
        nn.functional.mse_loss(velocity, (alpha * noise) - (sigma * clean)).backward();

        foreach ((Tensor actual, Tensor expected) in gradients.Zip(model.parameters().Select(parameter => parameter.grad!)))
        {
            actual.MaxDifference(expected).Should().BeLessThan(1e-6 * Math.Max(1, expected.abs().max().item<float>()));
        }
    }

    [Fact]
    public void A_law_that_gives_a_time_between_two_timesteps_is_refused()
    {
        using TinyModel model = new();
        TrainingPass pass = new(
            new Denoiser(model, NoiseSchedule.Cosine(250)), new Objective { Times = new Halves() }, new SeedStream(3));
        FluentActions.Invoking(() => pass.DrawLevels([1])).Should().Throw<InvalidOperationException>()
            .WithMessage("The time law halves gives time 10.5*whole timesteps*");
    }

    [Fact]
    public void The_loss_is_the_mean_over_any_split_of_the_batch()
    {
        using TinyModel model = new();
        TrainingPass pass = new(new Denoiser(model, NoiseSchedule.Cosine()), new Objective(), new SeedStream(3));
        using Tensor images = rand(8, 1, 8, 8).mul(2).sub(1);
        long[] positions = [.. Enumerable.Range(100, 8).Select(i => (long)i)];

        double whole = Loss(0, 8);
        double parts = (Loss(0, 2) + Loss(2, 2) + Loss(4, 2) + Loss(6, 2)) / 4;

        parts.Should().BeApproximately(whole, 1e-6);

        double Loss(int first, int count)
        {
            using Tensor part = images.narrow(0, first, count);
            using Tensor loss = pass.Loss(part, Conditioning.None, positions.AsSpan(first, count));
            return loss.item<float>();
        }
    }

    [Theory]
    [InlineData(PredictionType.Epsilon)]
    [InlineData(PredictionType.Sample)]
    [InlineData(PredictionType.Velocity)]
    public void The_network_is_told_int64_timesteps_whatever_it_predicts(PredictionType prediction)
    {
        using TinyModel model = new();
        TrainingPass pass = new(new Denoiser(model, NoiseSchedule.Cosine(), Parameterization.Of(prediction)), new Objective(),
            new SeedStream(3));
        using Tensor images = zeros(2, 1, 8, 8);
        using Tensor loss = pass.Loss(images, Conditioning.None, [0, 1]);

        loss.item<float>().Should().BePositive();
        model.LabelTypes.Should().OnlyContain(type => type == ScalarType.Int64);
    }

    private sealed class Halves : ITimeLaw
    {
        public string Description => "halves";

        public double TimeAt(double quantile, INoiseSchedule schedule) => 10.5;
    }
}
