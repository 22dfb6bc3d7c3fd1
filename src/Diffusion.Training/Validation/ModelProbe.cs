using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Diffusion.Training;

/// <summary>Asks a model once before training, with images of noise, and refuses one that cannot learn.</summary>
internal static class ModelProbe
{
    /// <summary>
    /// Checks the answer's shape and dtype, and that it depends on parameters that are trained. Gradients are left as they were: zero.
    /// </summary>
    /// <param name="denoiser">The model.</param>
    /// <param name="parameters">Its parameters.</param>
    /// <param name="shape">Of the images.</param>
    /// <param name="objective">What it learns.</param>
    /// <exception cref="InvalidOperationException">It cannot learn; the message says why.</exception>
    public static void Check(Denoiser denoiser, FlatParameters parameters, ImageShape shape, IObjective objective)
    {
        using DisposeScope scope = NewDisposeScope();
        using IDisposable mode = EvaluationMode.Of(denoiser.Model.Network);
        string name = denoiser.Model.GetType().Name;
        Tensor noisy = NormalNoise.Draw(new SeedStream(0), RandomPurpose.InitialNoise, [0], shape).to(denoiser.Device); // [1, C, H, W]
        NoiseLevel middle = denoiser.Schedule.At(TimeLaw.Uniform.TimeAt(0.5, denoiser.Schedule));
        Conditioning conditioning = denoiser.Model.ClassCount is null
            ? Conditioning.None
            : new Conditioning { ClassLabels = zeros([1], ScalarType.Int64, denoiser.Device) };
        Tensor answer = objective is Objective { LearnsVariance: true }
            ? denoiser.PredictWithVariance(noisy, [middle], conditioning).Prediction
            : denoiser.Predict(noisy, [middle], conditioning); // [1, C, H, W]
        if (answer.dtype != noisy.dtype)
        {
            throw new InvalidOperationException(
                $"{name} answered in {answer.dtype} to images in {noisy.dtype}. Its answer must have their dtype.");
        }

        if (!answer.requires_grad)
        {
            throw new InvalidOperationException(
                $"The answer of {name} has no gradient, so that nothing would be learnt. Its Predict must not use no_grad(), detach() or "
                    + $"item() on the way "
                + "from its parameters to its answer.");
        }

        // The mean square, as in training: a last layer of zeros learns from it.
        try
        {
            (answer - noisy).square().mean().backward();
            if (parameters.Gradients.count_nonzero().item<long>() == 0)
            {
                throw new InvalidOperationException(
                    $"The answer of {name} does not depend on any parameter that is trained, so that nothing would be learnt. Its Predict "
                        + $"must use the "
                    + "parameters of its Network.");
            }
        }
        finally
        {
            using IDisposable noGradients = no_grad();
            parameters.Gradients.zero_();
        }
    }
}
