using Diffusion.Data;
using Diffusion.TestKit;
using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Training.Tests.Health;

/// <summary>Steps whose numbers went wrong are found again.</summary>
public sealed class SkippedStepTraceTests
{
    [Fact]
    public void The_layer_and_the_image_are_named()
    {
        HealthFinding finding = FindingOf(model => model.get_parameter("conv_out.weight")!.mul_(float.PositiveInfinity));

        finding.Seen.Should().Contain("the first since the last report was step 2.").And.Contain("Layer conv_out is the first").And.Contain(
            "of stripes(40, 8)").And.Contain("timestep");
    }

    [Fact]
    public void A_number_that_goes_wrong_after_all_layers_is_blamed_on_the_model_itself_as_the_warning_does()
    {
        List<HealthFinding> found = [];
        using TinyModel inner = new();
        using DividingModel model = new(inner);
        using StripedImages stripes = new();
        using Trainer trainer = Trainer.For(model).UseDevice(ComputeDevice.Cpu(1)).UseData(stripes)
            .ReportFindingsTo(new Listener(found))
            .Configure(o => (o.Steps, o.BatchSize, o.ReportEverySteps) = (2, 4, 2))
            .Build();
        trainer.Warnings.Should().Contain(warning => warning.Option == "Network" && warning.Text.Contains("infinite or NaN"));

        trainer.Run(TestContext.Current.CancellationToken);

        found.Should().ContainSingle(finding => finding.Kind == FindingKind.SkippedSteps).Which.Seen.Should()
            .Contain("The model itself").And.Contain("is the first with an output that is not finite");
    }

    [Fact]
    public void A_layer_of_several_inputs_is_named_where_its_own_arithmetic_goes_wrong()
    {
        using AddingLayer adding = new();
        using HoldingNetwork network = new(adding);
        using FiniteLayers layers = new(network);
        using Tensor largest = full(2, 3, float.MaxValue);
        using Tensor sum = adding.call(largest, largest);
        layers.First.Should().Be("Layer adding");
        layers.Images.Should().Equal(0, 1);
    }

    [Fact]
    public void A_gradient_that_is_not_finite_is_named_where_all_answers_are()
    {
        // The loss is finite, its gradient times the input is not.
        HealthFinding finding = FindingOf(model => model.get_parameter("conv_out.weight")!.mul_(float.MaxValue));

        finding.Seen.Should().Contain("All outputs are finite, but the gradient of");
    }

    [Fact]
    public void Weights_that_are_good_again_are_said_to_be()
    {
        HealthFinding finding = FindingOf(
            model => model.get_parameter("conv_out.bias")!.fill_(float.NaN), model => model.get_parameter("conv_out.bias")!.fill_(0));

        finding.Seen.Should().Contain("Repeated with the weights of step 5, all numbers of this step are finite");
    }

    [Fact]
    public void Training_goes_on_where_the_images_cannot_be_read_again()
    {
        int reads = int.MinValue;
        using WatchedImages images = new(new StripedImages(), _ =>
        {
            if (++reads > 16)
            {
                throw new InvalidOperationException("The disk is gone.");
            }
        });

        HealthFinding finding = FindingOf(
            model =>
            {
                model.get_parameter("conv_out.bias")!.fill_(float.NaN);
                reads = 0;
            },
            images: images);

        finding.Seen.Should().EndWith("The step could not be repeated to find the cause: The disk is gone.");
    }

    // Breaks the weights after step 1, repairs them after step 4, and reports at step 5.
    private static HealthFinding FindingOf(Action<TinyModel> damage, Action<TinyModel>? repair = null, IImageSource? images = null)
    {
        List<HealthFinding> found = [];
        using TinyModel model = new();
        using StripedImages stripes = new();
        using Trainer trainer = Trainer.For(model).UseDevice(ComputeDevice.Cpu(1)).UseData(images ?? stripes)
            .ReportFindingsTo(new Listener(found))
            .AddPreview(1, preview =>
            {
                using IDisposable noGradients = no_grad();
                (preview.Step == 1 ? damage : preview.Step == 4 ? repair : null)?.Invoke(model);
            })
            .Configure(o => (o.Steps, o.BatchSize, o.ReportEverySteps) = (5, 4, 5))
            .Build();

        trainer.Run(TestContext.Current.CancellationToken).Findings.Should().Equal(found);
        return found.Should().ContainSingle(finding => finding.Kind == FindingKind.SkippedSteps).Subject;
    }

    private sealed class HoldingNetwork : nn.Module<Tensor, Tensor>
    {
        public HoldingNetwork(AddingLayer layer)
            : base("holding") => register_module("adding", layer);

        public override Tensor forward(Tensor input) => input.alias();
    }

    private sealed class AddingLayer() : nn.Module<Tensor, Tensor, Tensor>("adding")
    {
        public override Tensor forward(Tensor one, Tensor other) => one + other;
    }

    // Divides zero by zero after the network's last layer.
    private sealed class DividingModel(TinyModel inner) : IDiffusionModel
    {
        public nn.Module Network => inner;

        public ImageShape? SampleShape => inner.SampleShape;

        public int? ClassCount => null;

        public bool HasDropout => false;

        public string Description => "dividing";

        public Tensor Predict(Tensor noisy, Tensor labels, Conditioning conditioning)
        {
            using DisposeScope scope = NewDisposeScope();
            Tensor answer = inner.Predict(noisy, labels, conditioning);
            return (answer / zeros_like(answer)).MoveToOuterDisposeScope();
        }

        public IDiffusionModel CreateTwin() => new DividingModel((TinyModel)inner.CreateTwin());

        public IReadOnlyList<string> Problems(ImageShape shape, INoiseSchedule schedule) => [];

        public void Dispose() => inner.Dispose();
    }

    private sealed class Listener(List<HealthFinding> found) : IProgress<HealthFinding>
    {
        public void Report(HealthFinding value) => found.Add(value);
    }
}
