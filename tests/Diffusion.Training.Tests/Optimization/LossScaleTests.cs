using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Diffusion.Training.Tests.Optimization;

/// <summary>The factor of the loss in float16, and the steps that overflow.</summary>
public sealed class LossScaleTests
{
    [Fact]
    public void Only_float16_has_a_loss_scale()
    {
        using Linear layer = nn.Linear(2, 1);
        foreach (Precision precision in (Precision[])[Precision.Float32, Precision.BFloat16])
        {
            using FlatParameters parameters = new(layer, precision);
            parameters.LossScale.Should().BeNull();
        }

        using FlatParameters half = new(layer, Precision.Float16);
        half.LossScale!.Value.item<float>().Should().Be(65_536);
        half.LossScale.GrowthSteps.Should().Be(2000);
    }

    [Theory]
    [InlineData(float.NaN)]
    [InlineData(float.PositiveInfinity)]
    public void A_step_that_overflows_changes_nothing_but_the_scale_and_the_next_ones_are_as_without_it(float bad)
    {
        using Run with = new();
        using Run without = new();
        with.Step(1);
        without.Step(1);
        byte[] before = with.Bits();

        with.Overflow(2, bad);

        with.Bits().Should().Equal(before);
        with.Scale.Value.item<float>().Should().Be(32_768);
        with.Counts.Should().Be((0, 0, 1));
        with.Step(2);
        with.Step(3);
        without.Step(2);
        without.Step(3);
        with.Bits().Should().Equal(without.Bits()).And.NotEqual(before);
        with.Counts.Should().Be((0, 0, 1));
    }

    [Fact]
    public void The_scale_changes_neither_the_norm_nor_the_clipping_nor_the_step()
    {
        using Run large = new(scale: 65_536);
        using Run small = new(scale: 1);
        for (int step = 1; step <= 3; step++)
        {
            large.Step(step);
            small.Step(step);
            large.Update.GradientNorm.item<float>().Should().Be(small.Update.GradientNorm.item<float>()).And.BeGreaterThan(1);
        }

        large.Bits().Should().Equal(small.Bits());
    }

    [Fact]
    public void Good_steps_one_after_the_other_double_the_scale_and_an_overflow_begins_the_interval_anew()
    {
        using Run run = new(scale: 4);
        run.Scale.GrowthSteps = 3;
        List<float> scales = [];

        foreach (bool overflows in (bool[])[false, false, true, false, false, false, false, false, false])
        {
            Do(run, overflows);
        }

        scales.Should().Equal(4, 4, 2, 2, 2, 4, 4, 4, 8);
        run.Counts.Should().Be((0, 0, 1));

        void Do(Run run, bool overflows)
        {
            if (overflows)
            {
                run.Overflow(1);
            }
            else
            {
                run.Step(1);
            }

            scales.Add(run.Scale.Value.item<float>());
        }
    }

    [Fact]
    public void A_growth_interval_of_one_step_doubles_the_scale_at_each_up_to_its_ceiling()
    {
        using Run run = new(scale: LossScale.Ceiling / 4);
        run.Scale.GrowthSteps = 1;

        List<float> scales = [];
        for (int step = 1; step <= 4; step++)
        {
            run.Step(step);
            scales.Add(run.Scale.Value.item<float>());
        }

        scales.Should().Equal((float)LossScale.Ceiling / 2, (float)LossScale.Ceiling, (float)LossScale.Ceiling, (float)LossScale.Ceiling);
    }

    [Fact]
    public void An_overflow_at_the_least_scale_is_a_failure()
    {
        using Run run = new(scale: 2);
        run.Overflow(1);
        run.Counts.Should().Be((0, 0, 1));
        run.Scale.Value.item<float>().Should().Be(1);

        byte[] before = run.Bits();
        run.Overflow(2);
        run.Overflow(3);

        run.Counts.Should().Be((2, 2, 1));
        run.Scale.Value.item<float>().Should().Be(1);
        run.Bits().Should().Equal(before);
        run.Step(4);
        run.Counts.Should().Be((2, 0, 1));
    }

    [Fact]
    public void A_gradient_norm_beyond_its_limit_is_no_overflow()
    {
        using Run run = new(scale: 1024, maxGradientNorm: 1e-3);

        run.Step(1);

        run.Counts.Should().Be((1, 1, 0));
        run.Scale.Value.item<float>().Should().Be(1024);
        run.Scale.GoodSteps.item<float>().Should().Be(1);
    }

    [Theory]
    [InlineData(0.5)]
    [InlineData(1000)]
    [InlineData(33_554_432)]
    [InlineData(double.NaN)]
    public void A_factor_that_is_no_power_of_two_in_range_is_refused(double value)
    {
        using Run run = new();

        run.Scale.Invoking(scale => scale.Reset(value)).Should().Throw<ArgumentOutOfRangeException>()
            .WithMessage("The loss scale must be a power of two in 1..16777216. Use 65536.*");
        run.Scale.Value.item<float>().Should().Be(65_536);
    }

    [Fact]
    public void A_gradient_that_float16_would_round_to_zero_survives()
    {
        using Linear layer = nn.Linear(1, 1, hasBias: false);
        using FlatParameters parameters = new(layer, Precision.Float16);
        using DisposeScope scope = NewDisposeScope();
        Tensor input = ones([1, 1], ScalarType.Float16);

        (layer.call(input).to(ScalarType.Float32).sum() * 1e-9).backward();
        parameters.Gradients.sum().item<float>().Should().Be(0);
        parameters.LossScale!.Apply(layer.call(input).to(ScalarType.Float32).sum() * 1e-9).backward();

        (parameters.Gradients.sum() / parameters.LossScale.Value).item<float>().Should().BeApproximately(1e-9f, 1e-12f);
    }

    /// <summary>A layer, its optimizer and its average, trained with gradients that depend only on the step.</summary>
    private sealed class Run : IDisposable
    {
        private readonly Linear layer;
        private readonly FlatParameters parameters;
        private readonly IOptimizer optimizer;
        private readonly EmaWrapper average;

        public Run(double scale = 65_536, double? maxGradientNorm = null)
        {
            using (GlobalGenerator.Hold(3))
            {
                layer = nn.Linear(5, 3);
            }

            parameters = new FlatParameters(layer, Precision.Float16);
            optimizer = Optimizers.AdamW().Create(parameters);
            average = new EmaWrapper(parameters);
            Update = new ParameterUpdate(parameters, optimizer, [average], clip: 1, maxGradientNorm);
            Scale.Reset(scale);
        }

        public ParameterUpdate Update { get; }

        public LossScale Scale => parameters.LossScale!;

        public (float Skipped, float InARow, float Overflowed) Counts =>
            (Update.Skipped.item<float>(), Update.SkippedInARow.item<float>(), Update.Overflowed.item<float>());

        public void Step(int step) => Apply(step, bad: null);

        public void Overflow(int step, float bad = float.PositiveInfinity) => Apply(step, bad);

        // Weights, the copies that the network computes with, optimizer and average.
        public byte[] Bits() =>
        [
            .. optimizer.State.OrderBy(each => each.Key, StringComparer.Ordinal).Select(each => each.Value)
                .Concat([parameters.Values, layer.weight, average.Average]).SelectMany(tensor => tensor.contiguous().bytes.ToArray()),
        ];

        public void Dispose()
        {
            Update.Dispose();
            average.Dispose();
            optimizer.Dispose();
            parameters.Dispose();
            layer.Dispose();
        }

        private void Apply(int step, float? bad)
        {
            using (no_grad())
            using (DisposeScope scope = NewDisposeScope())
            using (GlobalGenerator.Hold(step))
            {
                foreach ((string _, Tensor view) in parameters.TrainedViews(parameters.Gradients))
                {
                    view.copy_(randn(view.shape) * Scale.Value);
                    view.Dispose();
                }

                if (bad is { } number)
                {
                    parameters.Gradients[2] = tensor(number);
                }
            }

            Update.Apply(step, 1e-2);
        }
    }
}
