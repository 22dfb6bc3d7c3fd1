using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Diffusion.Training;

/// <summary>Runs a model once on noise before training, and rejects a model that cannot learn.</summary>
internal static class ModelProbe
{
    /// <summary>
    /// Checks the shape and dtype of the output, and that it depends on trained parameters. The gradients are zero before and after.
    /// </summary>
    /// <param name="denoiser">The model.</param>
    /// <param name="parameters">Its parameters.</param>
    /// <param name="shape">The shape of the images.</param>
    /// <param name="objective">The objective.</param>
    /// <exception cref="InvalidOperationException">The model cannot learn. The message says why.</exception>
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
        Tensor output = Run(() => objective is Objective { LearnsVariance: true }
            ? denoiser.PredictWithVariance(noisy, [middle], conditioning).Prediction
            : denoiser.Predict(noisy, [middle], conditioning)); // [1, C, H, W]
        if (!output.requires_grad)
        {
            throw new InvalidOperationException(
                $"The output of {name} has no gradient, so nothing would be learned. Its Predict must not use no_grad(), detach() or "
                + "item() between its parameters and its output.");
        }

        // The mean square, as in training: it has a gradient even for a last layer of zeros.
        try
        {
            Run(() =>
            {
                Tensor loss = (output - noisy).Squared().mean();
                (parameters.LossScale?.Apply(loss) ?? loss).backward();
                return output;
            });
            if (parameters.Gradients.count_nonzero().Read<long>() == 0)
            {
                throw new InvalidOperationException(
                    $"The output of {name} does not depend on any trained parameter, so nothing would be learned. Its Predict must use "
                    + "the parameters of its Network.");
            }
        }
        finally
        {
            using IDisposable noGradients = no_grad();
            parameters.Gradients.zero_();
        }

        Tensor Run(Func<Tensor> part)
        {
            try
            {
                return part();
            }
            catch (Exception problem) when (PrecisionTypes.IsHalf(parameters.Precision) && problem is not OperationCanceledException)
            {
                throw new InvalidOperationException(
                    $"{name} cannot compute in {parameters.Precision}: {problem.Message.Split('\n')[0]} Its Predict must compute in the "
                        + "dtype of its parameters, which is that of the images that it gets. Correct it, or use Precision.Float32.",
                    problem);
            }
        }
    }
}
