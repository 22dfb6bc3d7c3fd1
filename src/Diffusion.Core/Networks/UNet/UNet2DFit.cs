using System.Globalization;

namespace Diffusion;

/// <summary>Whether a network suits images and a schedule.</summary>
internal static class UNet2DFit
{
    /// <summary>Every reason why it does not, each with its remedy.</summary>
    public static IEnumerable<string> Problems(UNet2DOptions options, ImageShape shape, INoiseSchedule schedule)
    {
        if (shape.Channels != options.InChannels)
        {
            yield return $"The images have {shape.Channels} channels, but the network takes {options.InChannels}. Build the network with "
                + $"InChannels and OutChannels {shape.Channels}, or convert the images.";
        }

        if (options.OutChannels != options.InChannels && options.OutChannels != 2 * options.InChannels
            && 2 * options.OutChannels != options.InChannels)
        {
            yield return $"The network outputs {options.OutChannels} channels, but takes {options.InChannels}. A diffusion model "
                + "needs OutChannels equal to InChannels, twice that to learn the variance, or half of it for self-conditioning.";
        }

        int multiple = options.SizeMultiple;
        if (shape.Height % multiple != 0 || shape.Width % multiple != 0)
        {
            yield return $"The images are {shape.Height} x {shape.Width}, but the network halves them {options.BlockOutChannels.Count - 1} "
                + $"times, so both must divide by {multiple}. Resize the images, for example to {RoundUp(shape.Height, multiple)} x "
                + $"{RoundUp(shape.Width, multiple)}, or use fewer levels.";
        }

        if (options.ClassEmbedType is { } type)
        {
            yield return $"The network takes {type} class embeddings, but training and sampling pass class numbers. Build the network with "
                + "NumClassEmbeds and without ClassEmbedType.";
        }

        if (options.TimeEmbeddingType == TimeEmbeddingType.Fourier && !(schedule.At(schedule.FirstTime).Label > 0))
        {
            yield return $"The network's Fourier time embedding takes the logarithm of its label and divides by it, but the first label of "
                + $"{schedule.Description} is {schedule.At(schedule.FirstTime).Label}. Use a positional time embedding, or a schedule "
                + $"whose labels are positive.";
        }

        if (options.TimeEmbeddingType == TimeEmbeddingType.Learned && LearnedProblem(options, schedule) is { } problem)
        {
            yield return problem;
        }
    }

    private static string? LearnedProblem(UNet2DOptions options, INoiseSchedule schedule)
    {
        int count = options.NumTrainTimesteps ?? 0;
        if (schedule is not DiscreteSchedule discrete)
        {
            return $"The network's learned time embedding has {count} vectors, one for each timestep, but {schedule.Description} has no "
                + "timesteps. Use a positional time embedding.";
        }

        foreach (double label in Enumerable.Range(0, discrete.Timesteps).Select(timestep => discrete[timestep].Label))
        {
            if (!double.IsInteger(label) || label < 0 || label >= count)
            {
                return $"The network's learned time embedding has {count} vectors, for the labels 0 to {count - 1}, but "
                    + $"{schedule.Description} has the "
                    + string.Create(CultureInfo.InvariantCulture,
                        $"label {label}. Build the network with NumTrainTimesteps {discrete.Timesteps}, or use a positional time ")
                    + "embedding.";
            }
        }

        return null;
    }

    private static int RoundUp(int size, int multiple) => (size + multiple - 1) / multiple * multiple;
}
