using Diffusion.TestKit;
using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Training.Tests.Objectives;

/// <summary>Times that are drawn by the second moment of their losses.</summary>
public sealed class SecondMomentTests
{
    private static readonly DiscreteSchedule Schedule = NoiseSchedule.Linear(250);

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Times_are_drawn_in_proportion_to_the_root_mean_square_of_their_losses_and_weights_undo_it(bool isDiscrete)
    {
        INoiseSchedule schedule = isDiscrete ? Schedule : new FlowSchedule();
        SecondMomentTimes times = new(Parts: 5, History: 2, Uniform: 0.01);
        using ObjectiveState state = new(null, times.CreateTensors());
        double[] moments = [1, 2, 3, 4, 5];
        for (int repeat = 0; repeat < 2; repeat++)
        {
            times.After(state).Should().BeSameAs(times, "not every part has two losses yet");

            // Two losses a and 0 have the root mean square a / sqrt(2).
            Record(times, state, schedule, [.. moments.Select(moment => repeat == 0 ? moment * Math.Sqrt(2) : 0)]);
        }

        ImportanceTimes law = times.After(state).Should().BeOfType<ImportanceTimes>().Subject;
        double[] shares = new double[5];
        double weights = 0;
        const int draws = 50_000;
        for (int i = 0; i < draws; i++)
        {
            NoiseLevel level = law.LevelAt((i + 0.5) / draws, schedule);
            shares[ImportanceTimes.PartOf(level, schedule, 5)] += 1.0 / draws;
            weights += law.WeightOf(level, schedule) / draws;
        }

        for (int part = 0; part < 5; part++)
        {
            shares[part].Should().BeApproximately((0.99 * moments[part] / 15) + (0.01 / 5), 1e-3);
        }

        weights.Should().BeApproximately(1, 1e-3, "the mean over draws is that over uniform times");
    }

    [Fact]
    public void Losses_that_are_not_finite_are_left_out_and_the_oldest_is_replaced()
    {
        SecondMomentTimes times = new(Parts: 5, History: 2, Uniform: 0.01);
        using ObjectiveState state = new(null, times.CreateTensors());
        Record(times, state, Schedule, [1, 1, 1, 1, double.NaN]);
        Record(times, state, Schedule, [2, 2, 2, 2, double.PositiveInfinity]);
        Record(times, state, Schedule, [3, 3, 3, 3, 3]);
        times.After(state).Should().BeSameAs(times, "the last part has one loss");
        state.Tensors["second-moment.losses"].data<double>().ToArray()[..2].Should().Equal(3, 2);
        Record(times, state, Schedule, [4, 4, 4, 4, 4]);
        times.After(state).Should().NotBeSameAs(times);
    }

    [Fact]
    public void Only_losses_of_training_are_remembered()
    {
        using ScriptedModel model = new((noisy, _, _) => zeros_like(noisy));
        Objective objective = new() { Times = TimeLaw.SecondMoment(parts: 5, history: 2) };
        using ObjectiveState state = objective.CreateState(CPU)!;
        using Tensor images = zeros(3, 1, 4, 4);
        Denoiser denoiser = new(model, Schedule);
        TrainingPass measuring = new(denoiser, objective, new SeedStream(1), state) { IsMeasurement = true };
        measuring.Loss(images, Conditioning.None, [0, 1, 2]).Dispose();
        state.Tensors["second-moment.counts"].sum().item<long>().Should().Be(0);
        new TrainingPass(denoiser, objective, new SeedStream(1), state).Loss(images, Conditioning.None, [0, 1, 2]).Dispose();
        state.Tensors["second-moment.counts"].sum().item<long>().Should().Be(3);
    }

    [Theory]
    [InlineData(250, null)]
    [InlineData(251, "second-moment*251 parts*250 timesteps*Use at most 250 parts.")]
    public void More_parts_than_timesteps_are_refused_since_a_part_would_never_have_a_loss(int parts, string? problem)
    {
        IObjective objective = new Objective { Times = TimeLaw.SecondMoment(parts) };
        string[] problems = [.. objective.Problems(Schedule)];
        problems.Should().HaveCount(problem is null ? 0 : 1);
        if (problem is not null)
        {
            problems.Should().ContainMatch($"*{problem}");
        }

        objective.Problems(new FlowSchedule()).Should().BeEmpty("a continuous schedule has times in every part");
        Enumerable.Range(0, 250).Select(t => ImportanceTimes.PartOf(Schedule[t], Schedule, parts)).Distinct().Should()
            .HaveCount(250, "so that {0} parts all have losses only up to 250", parts);
    }

    private static void Record(SecondMomentTimes times, ObjectiveState state, INoiseSchedule schedule, double[] losses)
    {
        using Tensor each = tensor(losses);
        NoiseLevel[] levels = [.. losses.Select((_, part) => TimeLaw.Uniform.LevelAt((part + 0.5) / losses.Length, schedule))];
        times.Record(state, levels, schedule, each);
    }
}
