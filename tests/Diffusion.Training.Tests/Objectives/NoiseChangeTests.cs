using Diffusion.TestKit;
using Diffusion.Training.Tests.Objectives.Reference;
using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Training.Tests.Objectives;

/// <summary>Offset noise and input perturbation.</summary>
public sealed class NoiseChangeTests
{
    [Theory]
    [InlineData("offset")]
    [InlineData("perturbed")]
    public void Noisy_images_and_targets_are_those_of_the_table(string name)
    {
        using SafeTensors file = ObjectiveTables.Tensors("offset_noise_input_perturbation.safetensors");
        using DisposeScope scope = NewDisposeScope();
        IReadOnlyDictionary<string, Tensor> tensors = file.Tensors;
        double strength = tensors["strength"].data<double>()[0];
        Tensor offsets = tensors["offset"].unsqueeze(-1).unsqueeze(-1); // [B, C, 1, 1]
        (Tensor predicted, Tensor mixed) = name == "offset"
            ? NoiseChange.Of(tensors["noise"], offsets, strength, null, 0)
            : NoiseChange.Of(tensors["noise"], null, 0, tensors["perturbation"], strength);
        NoiseLevel[] levels = [.. tensors["alpha"].data<double>().ToArray()
            .Zip(tensors["sigma"].data<double>().ToArray(), (alpha, sigma) => new NoiseLevel(alpha, sigma, 0))];

        mixed.MaxDifference(tensors[name == "offset" ? "offset_noise" : "perturbed_noise"]).Should().BeLessThan(1e-14);
        ForwardProcess.AddNoise(tensors["x0"], mixed, levels).MaxDifference(tensors[$"{name}_xt"]).Should().BeLessThan(1e-14);
        using ScriptedModel model = new((noisy, _, _) => noisy);
        foreach ((string key, IParameterization space) in ((string, IParameterization)[])[
            ("epsilon", Parameterization.Epsilon), ("v", Parameterization.Velocity)])
        {
            new Denoiser(model, NoiseSchedule.Linear(), space).Target(tensors["x0"], predicted, levels)
                .MaxDifference(tensors[$"{name}_target_{key}"]).Should().BeLessThan(1e-14);
        }
    }

    [Theory]
    [InlineData(0.1, 0)]
    [InlineData(0, 0.1)]
    public void They_are_drawn_by_position_and_only_the_offset_is_predicted(double offset, double perturbation)
    {
        List<Tensor> seen = [];
        using DisposeScope scope = NewDisposeScope();
        using ScriptedModel model = new((noisy, _, _) =>
        {
            seen.Add(noisy.clone().DetachFromDisposeScope());
            return zeros_like(noisy).requires_grad_();
        });
        Denoiser denoiser = new(model, NoiseSchedule.Linear());
        Objective objective = new() { OffsetNoise = offset, InputPerturbation = perturbation };
        Tensor clean = zeros(2, 3, 8, 8);
        NoiseLevel level = NoiseSchedule.Linear()[900];
        Tensor plain = NormalNoise.Draw(new SeedStream(1), RandomPurpose.Noise, [5, 6], new ImageShape(3, 8, 8));
        ObjectiveLoss Loss(params long[] positions) => objective.Loss(
            new ObjectiveInput(denoiser, clean.narrow(0, 0, positions.Length), plain.narrow(0, positions[0] - 5, positions.Length),
                [.. positions.Select(_ => level)], Conditioning.None, State: null)
            { Seeds = new SeedStream(1), Positions = positions });

        Tensor target = Loss(5, 6).Target;
        Loss(6).Target.MaxDifference(target[1].unsqueeze(0)).Should().Be(0, "a micro-batch of another size draws the same");
        Tensor added = (seen[0] / level.Sigma) - plain;
        added.std().item<float>().Should().BeInRange(0.05f, 0.15f);
        (target - plain).MaxDifference(offset > 0 ? added : zeros_like(added)).Should().BeLessThan(1e-5);
        (added - added.mean([2, 3], keepdim: true)).abs().max().item<float>().Should()
            .Match(spread => offset > 0 ? spread < 1e-5 : spread > 0.1, "an offset is the same for all pixels of a channel");
        objective.Invoking(each => each.Loss(new ObjectiveInput(denoiser, clean, plain, [level, level], Conditioning.None, State: null)))
            .Should().Throw<ArgumentException>().WithMessage("Positions has 0 numbers for 2 images*");
    }
}
