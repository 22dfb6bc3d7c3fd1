using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Diffusion;

/// <summary>
/// Group normalisation (Wu and He 2018), z = (x - mean) / deviation * weight + bias over each group of channels of an image, and SiLU,
/// y = z / (1 + exp(-z)), as one operation.
/// </summary>
internal static unsafe class GroupNormKernel<T>
    where T : struct, IElement
{
    private const int Lanes = 16;

    /// <summary>Computes the result of one group of one image, and its mean and 1 / deviation for the backward pass.</summary>
    /// <param name="shape">The sizes.</param>
    /// <param name="memory">What is read and written.</param>
    /// <param name="index">The group's number among the groups of all images.</param>
    public static void Forward(in GroupNormShape shape, in GroupNormMemory memory, int index)
    {
        nint row = (nint)shape.Pixels * T.Size;
        byte* x = memory.Input + (index * shape.ChannelsOfGroup * row);
        byte* y = memory.Output + (index * shape.ChannelsOfGroup * row);
        (double mean, double inverse) = Statistics(shape, x);
        memory.Mean[index] = (float)mean;
        memory.InverseDeviation[index] = (float)inverse;
        for (int i = 0; i < shape.ChannelsOfGroup; i++, x += row, y += row)
        {
            (Vector512<float> scale, Vector512<float> offset) = Affine(shape, memory, index, i);
            for (int pixel = 0; pixel < shape.Pixels; pixel += Lanes)
            {
                int count = shape.Pixels - pixel;
                Vector512<float> z = Vector512.MultiplyAddEstimate(Load(x, pixel, count), scale, offset);
                Store(y, pixel, count, shape.IsActivated ? z * VectorMath.Sigmoid(z) : z);
            }
        }
    }

    /// <summary>
    /// Computes the gradient of one group of one image, and the sums over its pixels that the gradients of weight and bias are made of.
    /// </summary>
    /// <param name="shape">The sizes.</param>
    /// <param name="memory">What is read and written.</param>
    /// <param name="index">The group's number among the groups of all images.</param>
    public static void Backward(in GroupNormShape shape, in GroupNormMemory memory, int index)
    {
        nint row = (nint)shape.Pixels * T.Size;
        nint first = index * shape.ChannelsOfGroup * row;
        (float perInput, float rest) = InputTerms(shape, memory, index, memory.Input + first, memory.OutputGradient + first);
        Vector512<float> slope = Vector512.Create(perInput);
        Vector512<float> constant = Vector512.Create(rest);
        for (int i = 0; i < shape.ChannelsOfGroup; i++, first += row)
        {
            (Vector512<float> scale, Vector512<float> offset) = Affine(shape, memory, index, i);
            for (int pixel = 0; pixel < shape.Pixels; pixel += Lanes)
            {
                int count = shape.Pixels - pixel;
                Vector512<float> x = Load(memory.Input + first, pixel, count);
                Vector512<float> dz = BeforeActivation(shape, Load(memory.OutputGradient + first, pixel, count), x, scale, offset);
                Vector512<float> dx = Vector512.MultiplyAddEstimate(dz, scale, Vector512.MultiplyAddEstimate(x, slope, constant));
                Store(memory.Output + first, pixel, count, dx);
            }
        }
    }

    // Mean and 1 / deviation. Sums are taken of differences from the first value, so that a large mean costs no digits, and rows are added
    // in float64.
    private static (double Mean, double InverseDeviation) Statistics(in GroupNormShape shape, byte* x)
    {
        float origin = T.LoadPart(x, 1)[0];
        Vector512<float> origins = Vector512.Create(origin);
        double sums = 0;
        double squares = 0;
        for (int i = 0; i < shape.ChannelsOfGroup; i++, x += (nint)shape.Pixels * T.Size)
        {
            Vector512<float> sum = Vector512<float>.Zero;
            Vector512<float> square = Vector512<float>.Zero;
            int pixel = 0;
            for (; pixel <= shape.Pixels - Lanes; pixel += Lanes)
            {
                Vector512<float> difference = T.Load(x + ((nint)pixel * T.Size)) - origins;
                sum += difference;
                square = Vector512.MultiplyAddEstimate(difference, difference, square);
            }

            for (; pixel < shape.Pixels; pixel++)
            {
                double difference = T.LoadPart(x + ((nint)pixel * T.Size), 1)[0] - (double)origin;
                sums += difference;
                squares += difference * difference;
            }

            sums += Vector512.Sum(sum);
            squares += Vector512.Sum(square);
        }

        double average = sums / shape.ValuesOfGroup;
        double variance = Math.Max((squares / shape.ValuesOfGroup) - (average * average), 0);
        return (origin + average, 1 / Math.Sqrt(variance + shape.Epsilon));
    }

    // z = x * scale + offset, of the group's channel of this number.
    private static (Vector512<float> Scale, Vector512<float> Offset) Affine(
        in GroupNormShape shape, in GroupNormMemory memory, int index, int channelOfGroup)
    {
        int channel = (index % shape.Groups * shape.ChannelsOfGroup) + channelOfGroup;
        float scale = memory.Weight[channel] * memory.InverseDeviation[index];
        return (Vector512.Create(scale), Vector512.Create(memory.Bias[channel] - (memory.Mean[index] * scale)));
    }

    // The gradient of z, from that of z * sigmoid(z).
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> BeforeActivation(
        in GroupNormShape shape, Vector512<float> gradient, Vector512<float> x, Vector512<float> scale, Vector512<float> offset)
    {
        if (!shape.IsActivated)
        {
            return gradient;
        }

        Vector512<float> z = Vector512.MultiplyAddEstimate(x, scale, offset);
        Vector512<float> s = VectorMath.Sigmoid(z);
        return gradient * s * Vector512.MultiplyAddEstimate(z, Vector512<float>.One - s, Vector512<float>.One);
    }

    // dx = dz * scale + x * slope + constant: what flows through mean and deviation is linear in x. Also writes, of each channel, the sum
    // of dz over the pixels, and that of dz (x - mean) / deviation.
    private static (float Slope, float Constant) InputTerms(
        in GroupNormShape shape, in GroupNormMemory memory, int index, byte* x, byte* dy)
    {
        double mean = memory.Mean[index];
        double inverse = memory.InverseDeviation[index];
        Vector512<float> means = Vector512.Create((float)mean);
        double plain = 0;
        double weighted = 0;
        for (int i = 0; i < shape.ChannelsOfGroup; i++, x += (nint)shape.Pixels * T.Size, dy += (nint)shape.Pixels * T.Size)
        {
            (Vector512<float> scale, Vector512<float> offset) = Affine(shape, memory, index, i);
            Vector512<float> sum = Vector512<float>.Zero;
            Vector512<float> product = Vector512<float>.Zero;
            for (int pixel = 0; pixel < shape.Pixels; pixel += Lanes)
            {
                // Of the lanes beyond the last pixel the gradient is zero.
                int count = shape.Pixels - pixel;
                Vector512<float> input = Load(x, pixel, count);
                Vector512<float> dz = BeforeActivation(shape, Load(dy, pixel, count), input, scale, offset);
                sum += dz;
                product = Vector512.MultiplyAddEstimate(dz, input - means, product);
            }

            int channel = (index * shape.ChannelsOfGroup) + i;
            memory.BiasSums[channel] = Vector512.Sum(sum);
            memory.WeightSums[channel] = (float)(Vector512.Sum(product) * inverse);
            double weight = memory.Weight[channel % shape.Channels];
            plain += weight * memory.BiasSums[channel];
            weighted += weight * memory.WeightSums[channel];
        }

        double slope = -inverse * inverse * weighted / shape.ValuesOfGroup;
        return ((float)slope, (float)((-inverse * plain / shape.ValuesOfGroup) - (mean * slope)));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> Load(byte* row, int pixel, int count)
    {
        byte* address = row + ((nint)pixel * T.Size);
        return count >= Lanes ? T.Load(address) : T.LoadPart(address, count);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Store(byte* row, int pixel, int count, Vector512<float> values)
    {
        byte* address = row + ((nint)pixel * T.Size);
        if (count >= Lanes)
        {
            T.Store(address, values);
        }
        else
        {
            T.StorePart(address, values, count);
        }
    }
}
