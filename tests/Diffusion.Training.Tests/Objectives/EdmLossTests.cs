using Diffusion.TestKit;
using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Training.Tests.Objectives;

/// <summary>The loss of EDM (Karras et al. 2022, equation 8) against a table that was computed outside of this library.</summary>
public sealed class EdmLossTests
{
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void It_is_that_of_the_table_in_the_answer_s_space_and_with_its_weight_in_that_of_the_clean_image(bool inImageSpace)
    {
        string? folder = ReferenceFolder.Find("objectives");
        Assert.SkipWhen(folder is null, ReferenceFolder.Missing);
        using SafeTensors file = SafeTensorsFile.Read(Path.Combine(folder!, "edm_preconditioning.safetensors"));
        using DisposeScope scope = NewDisposeScope();
        Tensor answer = file.Tensors["network_output"].clone().requires_grad_();
        using ScriptedModel model = new((_, _, _) => answer);
        double deviation = file.Tensors["sigma_data"].data<double>()[0];
        EdmSchedule schedule = new();
        Denoiser denoiser = new(model, schedule, Parameterization.Edm(deviation));
        Objective objective = inImageSpace
            ? new Objective { Space = Parameterization.Sample, Weighting = LossWeighting.Edm(deviation) }
            : new Objective();
        NoiseLevel[] levels = [.. file.Tensors["sigma"].data<double>().ToArray().Select(schedule.At)];

        ObjectiveLoss made = objective.Loss(
            new ObjectiveInput(denoiser, file.Tensors["x0"], file.Tensors["noise"], levels, Conditioning.None, State: null));
        made.Loss.backward();

        double expected = file.Tensors["loss_mean"].data<double>()[0];
        made.Loss.item<double>().Should().BeApproximately(expected, 1e-11 * expected);
        made.Target.MaxDifference(file.Tensors["network_target"]).Should().BeLessThan(1e-11);
        Tensor gradient = file.Tensors["grad_network_output"];
        answer.grad!.MaxDifference(gradient).Should().BeLessThan(1e-11 * gradient.abs().max().item<double>());
    }
}
