using System.Globalization;
using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion;

/// <summary>Checks of the inputs of a <see cref="UNet2D"/>, before they reach libtorch.</summary>
internal static class UNet2DInputs
{
    /// <summary>Refuses inputs that the network cannot take.</summary>
    /// <exception cref="ArgumentException">Names the argument, what it is and what it must be.</exception>
    public static void Check(UNet2DOptions options, Tensor weight, Tensor noisy, Tensor labels, Tensor? classLabels)
    {
        CheckImages(options, weight, noisy);
        ArgumentNullException.ThrowIfNull(labels);
        CheckNumbers(options, labels, noisy.shape[0], "Noise-level labels", nameof(labels));
        CheckClasses(options, noisy.shape[0], classLabels);
    }

    private static void CheckImages(UNet2DOptions options, Tensor weight, Tensor noisy)
    {
        Guard.Images(noisy, nameof(noisy));
        if (noisy.shape.Contains(0L))
        {
            throw new ArgumentException($"Images {Guard.Text(noisy)} have no pixels, but must be at least one image of at least one pixel.",
                nameof(noisy));
        }

        if (noisy.shape[1] != options.InChannels)
        {
            throw new ArgumentException(
                $"Images {Guard.Text(noisy)} have {noisy.shape[1]} channels, but the network takes {options.InChannels}.", nameof(noisy));
        }

        int multiple = options.SizeMultiple;
        if (noisy.shape[2] % multiple != 0 || noisy.shape[3] % multiple != 0)
        {
            throw new ArgumentException(
                $"Images {Guard.Text(noisy)} must have a height and width that divide by {multiple}, because the network halves them "
                + $"{options.BlockOutChannels.Count - 1} times.",
                nameof(noisy));
        }

        if (noisy.dtype != weight.dtype)
        {
            throw new ArgumentException(
                $"Images are {noisy.dtype}, but the network's weights {weight.dtype}. Convert one to the other.", nameof(noisy));
        }

        if (!Guard.OnOneDevice(noisy, weight))
        {
            throw new ArgumentException(
                $"Images are on {noisy.device}, but the network's weights on {weight.device}. Move one to the other's device.",
                    nameof(noisy));
        }
    }

    private static void CheckClasses(UNet2DOptions options, long batch, Tensor? labels)
    {
        if (labels is null)
        {
            if (options.HasClasses)
            {
                throw new ArgumentException("The network has classes, but got no class labels.",
                    nameof(Conditioning.ClassLabels));
            }

            return;
        }

        switch (options.ClassEmbedType)
        {
            case null when options.NumClassEmbeds is null:
                throw new ArgumentException("The network is unconditional, but got class labels.", nameof(Conditioning.ClassLabels));
            case null:
                CheckIndices(labels, batch, options.NumClassEmbeds.Value);
                break;
            case ClassEmbedType.Timestep:
                CheckNumbers(options, labels, batch, "Class labels", nameof(Conditioning.ClassLabels));
                break;
            default:
                CheckEmbeddings(labels, batch, options.TimeChannels);
                break;
        }
    }

    private static void CheckNumbers(UNet2DOptions options, Tensor labels, long batch, string what, string name)
    {
        if (labels.dim() != 1 || labels.shape[0] != batch || !IsReal(labels))
        {
            throw new ArgumentException(
                $"{what} are {labels.dtype} {Guard.Text(labels)}, but must be numbers [{batch}], one for each image.", name);
        }

        if (options is { TimeEmbeddingType: TimeEmbeddingType.Learned, NumTrainTimesteps: { } count }
            && labels.device_type == DeviceType.CPU)
        {
            CheckLearned(labels, count, what, name);
        }
    }

    // Labels that are already on a GPU are not read back: that would wait for the device.
    private static void CheckLearned(Tensor labels, int count, string what, string name)
    {
        using Tensor contiguous = labels.to(ScalarType.Float64).contiguous();
        foreach (double label in contiguous.data<double>())
        {
            if (!double.IsInteger(label) || label < 0 || label >= count)
            {
                throw new ArgumentException(
                    string.Create(CultureInfo.InvariantCulture,
                        $"{what} have {label}, but must be whole numbers from 0 to {count - 1}: the network's time embedding is ")
                    + $"learned, and has {count} vectors (num_train_timesteps).",
                    name);
            }
        }
    }

    // Labels that are already on a GPU are not read back: that would wait for the device.
    private static void CheckIndices(Tensor labels, long batch, int classes)
    {
        string name = nameof(Conditioning.ClassLabels);
        if (labels.dim() != 1 || labels.shape[0] != batch || labels.dtype != ScalarType.Int64)
        {
            throw new ArgumentException(
                $"Class labels are {labels.dtype} {Guard.Text(labels)}, but must be int64 [{batch}], one for each image.", name);
        }

        if (labels.device_type == DeviceType.CPU)
        {
            using Tensor contiguous = labels.contiguous();
            foreach (long label in contiguous.data<long>())
            {
                if (label < 0 || label >= classes)
                {
                    throw new ArgumentException($"Class label {label} is outside [0, {classes - 1}]: the network has {classes} classes.",
                        name);
                }
            }
        }
    }

    private static void CheckEmbeddings(Tensor labels, long batch, int channels)
    {
        if (labels.dim() != 2 || labels.shape[0] != batch || labels.shape[1] != channels || !IsReal(labels))
        {
            throw new ArgumentException(
                $"Class labels are {labels.dtype} {Guard.Text(labels)}, but must be embeddings, numbers [{batch}, {channels}].",
                nameof(Conditioning.ClassLabels));
        }
    }

    private static bool IsReal(Tensor numbers) => !numbers.is_complex() && numbers.dtype != ScalarType.Bool;
}
