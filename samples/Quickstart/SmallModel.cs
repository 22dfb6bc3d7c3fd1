using Diffusion;
using Diffusion.Training;

namespace Quickstart;

/// <summary>A network, and what it learns: small images within minutes on two CPU cores.</summary>
internal static class SmallModel
{
    private const int MaxAttentionTokens = 256;
    private static readonly int[] Channels = [96, 128];

    /// <summary>The noise: the straight path of rectified flow.</summary>
    public static NoiseScheduleKind Schedule => NoiseScheduleKind.RectifiedFlow;

    /// <summary>The network predicts the clean image, and is trained with the velocity loss of rectified flow.</summary>
    /// <param name="classes">How many classes the images have; one in ten images is shown without its own. Null for none.</param>
    public static ObjectiveOptions Objective(int? classes) => new()
    {
        Prediction = PredictionType.Sample,
        LossSpace = PredictionType.Flow,
        MaxSpaceFactor = 20,
        Times = TimeLaw.LogitNormal().Description,
        StratifiesTimes = true,
        LabelDropout = classes is null ? 0 : 0.1,
    };

    /// <summary>A U-Net on patches of 4 x 4 or 2 x 2 pixels, if the size allows.</summary>
    /// <param name="shape">The shape of the images.</param>
    /// <param name="classes">How many classes the images have; the network gets one more, "no class". Null for none.</param>
    /// <param name="seed">The seed of the weights.</param>
    public static IDiffusionModel Create(ImageShape shape, int? classes, long seed)
    {
        int patchSize = Divides(shape, 8) ? 4 : Divides(shape, 4) ? 2 : 1;
        ImageShape patches = PatchedModel.PatchShape(shape, patchSize);
        int levels = Divides(patches, 2) ? 2 : 1;
        int tokens = patches.Height * patches.Width;
        bool[] attends = [.. Enumerable.Range(0, levels).Select(level => tokens >> (2 * level) <= MaxAttentionTokens)];
        UNet2D unet = new(
            new UNet2DOptions
            {
                SampleSize = new SampleSize(patches.Height, patches.Width),
                InChannels = patches.Channels,
                OutChannels = patches.Channels,
                BlockOutChannels = [.. Channels.Take(levels)],
                DownBlockTypes = [.. attends.Select(attend => attend ? DownBlockType.AttnDownBlock2D : DownBlockType.DownBlock2D)],
                UpBlockTypes = [.. attends.Reverse().Select(attend => attend ? UpBlockType.AttnUpBlock2D : UpBlockType.UpBlock2D)],
                LayersPerBlock = 1,
                AttentionHeadDim = 32,
                NormNumGroups = 8,
                NumClassEmbeds = classes + 1,
            },
            seed);
        return patchSize == 1 ? unet : new PatchedModel(unet, patchSize);
    }

    private static bool Divides(ImageShape shape, int by) => shape.Height % by == 0 && shape.Width % by == 0;
}
