using Diffusion.TestKit;
using Diffusion.Training.Tests.Objectives.Reference;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Diffusion.Training.Tests.Objectives;

/// <summary>The learned uncertainty of a noise level.</summary>
public sealed class LearnedUncertaintyTests
{
    [Fact]
    public void Losses_and_gradients_are_those_of_the_table()
    {
        using SafeTensors file = ObjectiveTables.Tensors("edm_preconditioning.safetensors");
        using DisposeScope scope = NewDisposeScope();
        IReadOnlyDictionary<string, Tensor> tensors = file.Tensors;
        Tensor answer = tensors["network_output"].clone().requires_grad_();
        Tensor logVariance = tensors["logvar"].clone().requires_grad_();
        Tensor losses = LearnedUncertainty.Loss((answer - tensors["network_target"]).square().flatten(1).mean([1]), logVariance);
        losses.mean().backward();

        Close(losses, tensors["uncertainty_loss_per_sample"]);
        Close(losses.mean().unsqueeze(0), tensors["uncertainty_loss_mean"]);
        Close(answer.grad!, tensors["grad_network_output_uncertainty"]);
        Close(logVariance.grad!, tensors["grad_logvar"]);

        static void Close(Tensor actual, Tensor expected) =>
            actual.MaxDifference(expected).Should().BeLessThan(1e-11 * expected.abs().max().item<double>());
    }

    [Fact]
    public void It_learns_the_logarithm_of_the_loss_of_each_level()
    {
        using DisposeScope scope = NewDisposeScope();
        LearnedUncertainty weighting = (LearnedUncertainty)LossWeighting.LearnedUncertainty(32);
        using Linear line = weighting.CreateModule(CPU);
        EdmSchedule schedule = new();
        NoiseLevel[] levels = [.. Enumerable.Range(0, 9).Select(i => schedule.At(0.01 * Math.Pow(2, i)))];
        Tensor losses = tensor([.. Enumerable.Range(0, 9).Select(i => (float)Math.Exp(-0.3 * i))]);
        weighting.LogVariance(line, levels).abs().max().item<float>().Should().Be(0, "it begins with the plain loss");
        using optim.Optimizer adam = optim.Adam(line.parameters(), 0.03);
        for (int step = 0; step < 400; step++)
        {
            using DisposeScope each = NewDisposeScope();
            adam.zero_grad();
            LearnedUncertainty.Loss(losses, weighting.LogVariance(line, levels)).mean().backward();
            adam.step();
        }

        (weighting.LogVariance(line, levels) - losses.log()).abs().max().item<float>().Should().BeLessThan(0.1f);
    }

    [Fact]
    public void Without_its_state_it_is_refused_with_the_remedy()
    {
        using ScriptedModel model = new((noisy, _, _) => zeros_like(noisy));
        using Tensor images = zeros(1, 1, 4, 4);
        TrainingPass pass = new(new Denoiser(model, NoiseSchedule.Linear()),
            new Objective { Weighting = LossWeighting.LearnedUncertainty() }, new SeedStream(1));
        pass.Invoking(each => each.Loss(images, Conditioning.None, [0])).Should().Throw<InvalidOperationException>()
            .WithMessage("*learned-uncertainty has parameters, but there is no state*Pass the state that CreateState makes.");
    }
}
