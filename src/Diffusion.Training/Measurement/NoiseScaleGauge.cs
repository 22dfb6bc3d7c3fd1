using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Training;

/// <summary>
/// Estimates the gradient noise scale, the batch size at which the noise of the gradient is as large as the gradient (McCandlish et al.
/// 2018, appendix A.1), from the gradient norms of a part of a batch and of the whole batch. Everything stays on the device until it is
/// read.
/// </summary>
internal sealed class NoiseScaleGauge : IDisposable
{
    private const double MinWeight = 0.2;

    private readonly FlatParameters parameters;
    private readonly Tensor estimates;
    private long measured;

    /// <param name="parameters">The parameters whose gradients are measured.</param>
    public NoiseScaleGauge(FlatParameters parameters)
    {
        this.parameters = parameters;
        estimates = zeros(2, SumOfSquares.TypeOn(parameters.Values.device), parameters.Values.device).DetachFromDisposeScope();
    }

    /// <summary>Adds a measurement. The gradients must be zero before, and are zero afterwards.</summary>
    /// <param name="images">The number of images in the batch, at least 2.</param>
    /// <param name="backward">
    /// Adds the gradient of the mean loss of the images [from, to), multiplied by a factor, to the gradients of the parameters.
    /// </param>
    public void Measure(int images, Action<int, int, double> backward)
    {
        int part = images / 2;
        backward(0, part, (double)part / images);
        using DisposeScope scope = NewDisposeScope();
        Tensor ofPart = Square().Times((double)images * images / ((double)part * part));
        backward(part, images, (double)(images - part) / images);
        using IDisposable noGradients = no_grad();
        Tensor ofWhole = Square();
        parameters.Gradients.zero_();

        // Unbiased estimates of |G|^2 and tr(S). Average both and then divide, because the mean of the quotients is biased.
        Tensor signal = (ofWhole.Times(images) - ofPart.Times(part)).DividedBy(images - part);
        Tensor noise = (ofPart - ofWhole).DividedBy((1.0 / part) - (1.0 / images));
        Tensor now = stack([signal, noise]);
        Tensor usable = now.isfinite().all();
        measured++;
        Tensor next = estimates.Times(1 - Weight).Increase(now.Times(Weight));
        estimates.copy_(where(usable, next, estimates));
    }

    // A plain mean at first, then an exponential moving average.
    private double Weight => Math.Max(MinWeight, 1.0 / measured);

    /// <summary>
    /// Returns the gradient noise scale in images; null before the first measurement, or while the noise hides the signal. Waits for the
    /// device.
    /// </summary>
    public double? Read()
    {
        if (measured == 0)
        {
            return null;
        }

        using DisposeScope scope = NewDisposeScope();
        double[] values = estimates.ToHost().to(ScalarType.Float64).data<double>().ToArray();
        return values[0] > 0 && values[1] > 0 ? values[1] / values[0] : null;
    }

    public void Dispose() => estimates.Dispose();

    private Tensor Square()
    {
        using IDisposable noGradients = no_grad();
        using Tensor trained = parameters.Gradients.narrow(0, 0, parameters.TrainedLength);
        Tensor sum = SumOfSquares.Of(trained);
        return parameters.LossScale is { } scale ? sum / scale.Value.Squared() : sum;
    }
}
