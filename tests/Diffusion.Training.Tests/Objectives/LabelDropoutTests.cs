using Diffusion.TestKit;
using Microsoft.Extensions.Options;
using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Training.Tests.Objectives;

/// <summary>The classes that classifier-free guidance needs dropped in training.</summary>
public sealed class LabelDropoutTests
{
    private const int Classes = 5;

    [Theory]
    [InlineData(0.0)]
    [InlineData(0.25)]
    [InlineData(0.8)]
    public void A_fraction_of_the_labels_becomes_the_last_class_by_position(double fraction)
    {
        long[] dropped = Seen(fraction, first: 0, count: 2000);
        dropped.Count(label => label == Classes - 1).Should().BeCloseTo((int)(2000 * fraction), 60);
        dropped.Where(label => label != Classes - 1).Should().OnlyContain(label => label == 2);

        // Other micro-batches, the same draws.
        Seen(fraction, first: 700, count: 300).Should().Equal(dropped[700..1000]);
    }

    [Fact]
    public void A_measurement_keeps_all_labels() =>
        Seen(0.5, first: 0, count: 100, isMeasurement: true).Should().OnlyContain(label => label == 2);

    [Fact]
    public void It_is_part_of_the_description_and_of_the_options()
    {
        new Objective { LabelDropout = 0.1 }.Description.Should().EndWith("label-dropout(fraction: 0.1)");
        new Objective().Description.Should().NotContain("label-dropout");
        Problems(new ObjectiveOptions { LabelDropout = 1 }, modelClasses: 3).Should()
            .Contain("Objective.LabelDropout (1) must be at least 0 and below 1. Use 0.1, or 0 for none.");
    }

    [Fact]
    public void The_model_needs_a_class_for_no_class()
    {
        using StripedImages images = new(classCount: 3);
        int classes = images.ClassCount!.Value;
        Problems(new ObjectiveOptions { LabelDropout = 0.1 }, classes).Should().ContainSingle().Which.Should()
            .Contain("one class more than the data").And.Contain($"has {classes} classes").And.Contain($"with {classes + 1} classes");
        Problems(new ObjectiveOptions { LabelDropout = 0.1 }, modelClasses: null).Should().ContainSingle().Which.Should()
            .Contain("the model has no classes");
        Problems(new ObjectiveOptions { LabelDropout = 0.1 }, classes + 1).Should().BeEmpty();
    }

    private static long[] Seen(double fraction, long first, int count, bool isMeasurement = false)
    {
        long[] labels = [];
        using DisposeScope scope = NewDisposeScope();
        using ScriptedModel model = new((noisy, _, conditioning) =>
        {
            labels = conditioning.ClassLabels!.data<long>().ToArray();
            return zeros_like(noisy).requires_grad_();
        })
        { ClassCount = Classes };
        Denoiser denoiser = new(model, NoiseSchedule.Linear());
        TrainingPass pass = new(denoiser, new Objective { LabelDropout = fraction }, new SeedStream(3)) { IsMeasurement = isMeasurement };
        Conditioning conditioning = new() { ClassLabels = full([count], 2L, ScalarType.Int64) };
        pass.Loss(zeros([count, 1, 2, 2]), conditioning, [.. Enumerable.Range(0, count).Select(i => first + i)]);
        return labels;
    }

    private static IEnumerable<string> Problems(ObjectiveOptions objective, int? modelClasses)
    {
        using TinyModel model = new(classCount: modelClasses);
        using StripedImages images = new(classCount: 3);
        try
        {
            Trainer.For(model).UseDevice(ComputeDevice.Cpu(threads: 1)).UseData(images).Configure(o =>
            {
                o.BatchSize = 4;
                o.Steps = 3;
                o.Objective = objective;
            }).Build().Dispose();
            return [];
        }
        catch (OptionsValidationException problem)
        {
            return problem.Failures;
        }
    }
}
