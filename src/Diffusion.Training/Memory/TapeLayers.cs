namespace Diffusion.Training;

/// <summary>What single layers of the U-Net keep and need. Pixels are those of all images of the micro-batch.</summary>
internal static class TapeLayers
{
    // oneDNN computes convolutions on copies whose channels are padded to whole vectors.
    private const long Vector = 16;

    /// <summary>
    /// A convolution, which keeps its input unless another operation did. On a CPU it needs copies of both sides in oneDNN's layout;
    /// everywhere the gradient of its weights, before that is added to their sum.
    /// </summary>
    /// <param name="tape">Where it goes.</param>
    /// <param name="inputs">Channels and pixels that come in.</param>
    /// <param name="outputs">Channels and pixels that go out.</param>
    /// <param name="kernel">Height and width of the kernel.</param>
    /// <param name="kept">What it keeps.</param>
    /// <param name="waiting">The gradient that waits beside it.</param>
    public static TapeStep Convolution(
        this MemoryTape tape, (long Channels, long Pixels) inputs, (long Channels, long Pixels) outputs, int kernel, long kept,
            long waiting = 0)
    {
        long weights = inputs.Channels * outputs.Channels * kernel * kernel;
        long copies = (Padded(inputs.Channels) * inputs.Pixels) + (Padded(outputs.Channels) * outputs.Pixels) + weights;
        tape.Add(weights, outputs.Channels);
        return tape.Add(new TapeStep
        {
            Kept = kept,
            Output = outputs.Channels * outputs.Pixels,
            Input = inputs.Channels * inputs.Pixels,
            Scratch = weights + (tape.IsCpu ? copies : 0),
            Waiting = waiting,
            Work = (double)weights * outputs.Pixels,
        });
    }

    /// <summary>A group normalization, which keeps its input, and the mean and deviation of each group.</summary>
    public static void Normalization(this MemoryTape tape, long channels, long pixels, long statistics, long waiting = 0)
    {
        tape.Add(channels, channels);
        tape.PointWise(channels * pixels, (channels * pixels) + (2 * statistics), waiting);
    }

    /// <summary>An operation on each number by itself.</summary>
    public static void PointWise(this MemoryTape tape, long numbers, long kept, long waiting = 0) =>
        tape.Add(new TapeStep { Kept = kept, Output = numbers, Input = numbers, Waiting = waiting });

    /// <summary>
    /// A non-linearity, which keeps its input, or its output where that is enough: the convolution behind it keeps that anyway.
    /// </summary>
    public static void NonLinearity(this MemoryTape tape, Activation activation, long numbers, long waiting = 0)
    {
        // TorchSharp makes Mish of three operations, of which tanh keeps its answer as well.
        bool isMish = activation == Activation.Mish;
        long kept = activation == Activation.Relu ? 0 : isMish ? 2 * numbers : numbers;
        tape.Add(new TapeStep { Kept = kept, Output = numbers, Input = numbers, Scratch = isMish ? numbers : 0, Waiting = waiting });
    }

    private static long Padded(long channels) => (channels + Vector - 1) / Vector * Vector;
}
