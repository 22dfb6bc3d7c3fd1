using Diffusion.TestKit;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Diffusion.Core.Tests.Denoising;

/// <summary>A diffusion model made of a plain TorchSharp module.</summary>
public sealed class ModuleModelTests
{
    [Fact]
    public void The_module_gets_float_levels_and_its_intermediate_tensors_are_freed()
    {
        using ModuleModel model = new(() => new Plain(4), seed: 3);
        using DisposeScope scope = NewDisposeScope();
        Tensor images = ones(2, 1, 4, 4);
        Tensor timesteps = tensor((long[])[0, 999]);
        int before = scope.DisposablesCount;

        Tensor output = model.Predict(images, timesteps, Conditioning.None);

        output.shape.Should().Equal(2, 1, 4, 4);
        scope.DisposablesCount.Should().Be(before + 1);
        ((Plain)model.Network).LevelTypes.Should().Equal(ScalarType.Float32);
    }

    [Fact]
    public void The_seed_decides_the_weights()
    {
        using ModuleModel first = new(() => new Plain(4), seed: 3);
        using ModuleModel same = new(() => new Plain(4), seed: 3);
        using ModuleModel other = new(() => new Plain(4), seed: 4);

        Weights(same).Should().Equal(Weights(first));
        Weights(other).Should().NotEqual(Weights(first));
    }

    [Fact]
    public void A_twin_has_its_own_parameters_and_everything_else_alike()
    {
        using ModuleModel model = new(() => new WithClasses(), classCount: 3, seed: 0)
        {
            SampleShape = new ImageShape(1, 4, 4),
            HasDropout = true,
            Description = "{}",
        };
        model.Network.to(float64);

        using IDiffusionModel twin = model.CreateTwin();

        twin.Network.Should().NotBeSameAs(model.Network);
        twin.Network.parameters().Should().OnlyContain(parameter => parameter.dtype == ScalarType.Float64);
        twin.ClassCount.Should().Be(3);
        twin.SampleShape.Should().Be(model.SampleShape);
        twin.HasDropout.Should().BeTrue();
        twin.Description.Should().Be("{}");
    }

    [Fact]
    public void The_description_names_the_shapes_and_dropout_is_found()
    {
        using ModuleModel four = new(() => new Plain(4), seed: 0);
        using ModuleModel five = new(() => new Plain(5), seed: 0);
        using ModuleModel classes = new(() => new WithClasses(), classCount: 3, seed: 0);

        four.Description.Should().StartWith("""{"module":"Plain","parameters":{"conv.weight":[4,1,3,3],""");
        five.Description.Should().NotBe(four.Description);
        four.HasDropout.Should().BeFalse();
        classes.HasDropout.Should().BeTrue();
    }

    [Fact]
    public void Classes_reach_the_module_and_are_required()
    {
        using ModuleModel model = new(() => new WithClasses(), classCount: 3, seed: 0);
        model.Network.eval();
        using DisposeScope scope = NewDisposeScope();
        Tensor images = zeros(3, 1, 4, 4);
        Tensor labels = zeros(3);

        Tensor output = model.Predict(images, labels, new Conditioning { ClassLabels = tensor((long[])[0, 1, 1]) });
        output[1].Equals(output[2]).Should().BeTrue();
        output[0].Equals(output[1]).Should().BeFalse();
        model.Invoking(m => m.Predict(images, labels, Conditioning.None)).Should().Throw<ArgumentException>()
            .WithMessage("The model has 3 classes, but there are no class labels.*");
        FluentActions.Invoking(() => new ModuleModel(() => new WithClasses(), classCount: 0, seed: 0)).Should()
            .Throw<ArgumentOutOfRangeException>();
    }

    [Fact]
    public void A_disposed_model_refuses_calls()
    {
        ModuleModel model = new(() => new Plain(4), seed: 0);
        Denoiser denoiser = new(model, NoiseSchedule.Linear());
        using Tensor images = zeros(1, 1, 4, 4);
        using Tensor timesteps = zeros(1, int64);
        model.Dispose();

        model.Invoking(m => m.Predict(images, timesteps, Conditioning.None)).Should().Throw<ObjectDisposedException>();
        model.Invoking(m => m.CreateTwin()).Should().Throw<ObjectDisposedException>();
        denoiser.Invoking(d => d.Device).Should().Throw<ObjectDisposedException>();
    }

    private static float[] Weights(ModuleModel model) => [.. model.Network.parameters().SelectMany(weights => weights.data<float>())];

    private sealed class Plain : nn.Module<Tensor, Tensor, Tensor>
    {
        private readonly Conv2d conv;
        private readonly Conv2d last;

        public Plain(int channels)
            : base(nameof(Plain))
        {
            conv = nn.Conv2d(1, channels, 3, padding: 1);
            last = nn.Conv2d(channels, 1, 3, padding: 1);
            RegisterComponents();
        }

        public List<ScalarType> LevelTypes { get; } = [];

        public override Tensor forward(Tensor noisy, Tensor levels)
        {
            LevelTypes.Add(levels.dtype);
            return last.call(nn.functional.silu(conv.call(noisy) + levels.view(-1, 1, 1, 1)));
        }
    }

    private sealed class WithClasses : nn.Module<Tensor, Tensor, Tensor, Tensor>
    {
        private readonly Embedding classes;
        private readonly Dropout dropout;

        public WithClasses()
            : base(nameof(WithClasses))
        {
            classes = nn.Embedding(3, 1);
            dropout = nn.Dropout(0.1);
            RegisterComponents();
        }

        public override Tensor forward(Tensor noisy, Tensor levels, Tensor labels) =>
            dropout.call(noisy + classes.call(labels).view(-1, 1, 1, 1));
    }
}
