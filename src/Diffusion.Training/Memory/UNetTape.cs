namespace Diffusion.Training;

/// <summary>Walks through a U-Net as it is built, without building it.</summary>
internal sealed class UNetTape
{
    private const int SkipAttentionGroups = 32;

    private readonly Stack<(long Channels, TapeStep Step)> across = [];
    private readonly MemoryTape tape;
    private readonly UNet2DOptions options;
    private readonly ImageShape images;
    private readonly int batch;
    private readonly TapeBlocks blocks;

    private UNetTape(UNet2DOptions options, ImageShape images, int batch, RecomputedLayers recomputed, Precision precision, bool isCpu)
    {
        tape = new MemoryTape(PrecisionTypes.BytesOf(precision), isCpu);
        this.options = options;
        this.images = images;
        this.batch = batch;
        blocks = new TapeBlocks(options, tape, batch, recomputed, precision);
    }

    /// <summary>The operations of one forward pass.</summary>
    public static MemoryTape Record(
        UNet2DOptions options, ImageShape images, int batch, RecomputedLayers recomputed, Precision precision, bool isCpu)
    {
        UNetTape walk = new(options, images, batch, recomputed, precision, isCpu);
        walk.Ends();
        int levels = options.BlockOutChannels.Count;
        for (int level = 0; level < levels; level++)
        {
            walk.Down(level);
        }

        walk.Middle();
        for (int level = levels - 1; level >= 0; level--)
        {
            walk.Up(level);
        }

        walk.Out();
        return walk.tape;
    }

    private int Coarsest => options.BlockOutChannels.Count - 1;

    private long PixelsAt(int level) => (long)(images.Height >> level) * (images.Width >> level);

    // The layers that take it find out whether it is kept.
    private void Push(long channels) => across.Push((channels, tape.Add(new TapeStep())));

    private Action? Attention(bool attends, long channels, int level, bool isSkip) =>
        attends ? () => blocks.Attention(channels, PixelsAt(level), isSkip ? SkipAttentionGroups : options.NormNumGroups) : null;

    // The embeddings, and the first convolution, which needs no gradient of its input.
    private void Ends()
    {
        tape.Begin("embeddings");
        long first = options.BlockOutChannels[0];
        long time = options.TimeEmbeddingDim ?? 4 * first;
        long timeInputs = options.TimeEmbeddingType == TimeEmbeddingType.Fourier ? 2 * first : first;
        switch (options.TimeEmbeddingType)
        {
            case TimeEmbeddingType.Fourier:
                tape.Add(first);
                break;
            case TimeEmbeddingType.Learned:
                tape.Add((options.NumTrainTimesteps ?? 0) * first);
                break;
        }

        blocks.Linear(timeInputs, time);
        blocks.Linear(time, time);
        if (options.ClassEmbedType == ClassEmbedType.Timestep)
        {
            blocks.Linear(timeInputs, time);
            blocks.Linear(time, time);
        }
        else if (options.ClassEmbedType is null && options.NumClassEmbeds is { } classes)
        {
            tape.Add(classes * time);
        }

        tape.Add(new TapeStep { Kept = batch * (timeInputs + (4 * time)) });

        tape.Begin("first convolution");
        long pixels = batch * PixelsAt(0);
        tape.Convolution((options.InChannels, pixels), (first, pixels), 3, kept: options.CenterInputSample
            ? options.InChannels * pixels
            : 0);
        Push(first);
    }

    private void Down(int level)
    {
        tape.Begin($"down {level}");
        DownBlockType type = options.DownBlockTypes[level];
        bool isSkip = type is DownBlockType.SkipDownBlock2D or DownBlockType.AttnSkipDownBlock2D;
        bool attends = type is DownBlockType.AttnDownBlock2D or DownBlockType.AttnSkipDownBlock2D;
        long channels = options.BlockOutChannels[level];
        for (int layer = 0; layer < options.LayersPerBlock; layer++)
        {
            long inChannels = layer == 0 ? options.BlockOutChannels[Math.Max(level - 1, 0)] : channels;
            Action? attention = Attention(attends, channels, level, isSkip);
            blocks.Layer((inChannels, channels), (PixelsAt(level), PixelsAt(level)), across.Peek().Step, attention, isSkip);
            Push(channels);
        }

        if (level == Coarsest)
        {
            return;
        }

        bool byConvolution = type == DownBlockType.DownBlock2D
            || (type == DownBlockType.AttnDownBlock2D && options.DownsampleType == ResamplingType.Conv);
        if (byConvolution)
        {
            blocks.Halve(channels, images.Height >> level, images.Width >> level, across.Peek().Step);
        }
        else
        {
            blocks.Layer((channels, channels), (PixelsAt(level), PixelsAt(level + 1)), across.Peek().Step, isSkip: isSkip);
        }

        if (isSkip)
        {
            blocks.AddImages(channels, PixelsAt(level + 1));
        }

        Push(channels);
    }

    private void Middle()
    {
        if (!options.HasMidBlock)
        {
            return;
        }

        tape.Begin("middle");
        long channels = options.BlockOutChannels[^1];
        long pixels = PixelsAt(Coarsest);
        bool isNormalized = options.AttentionLegacyOrder || options.ResnetTimeScaleShift == TimeScaleShift.Default;
        int? groups = options.AttnNormNumGroups ?? (isNormalized ? options.NormNumGroups : null);
        Action? attention = options.AddAttention ? () => blocks.Attention(channels, pixels, groups) : null;
        blocks.Layer((channels, channels), (pixels, pixels), across.Peek().Step, attention);
        blocks.Layer((channels, channels), (pixels, pixels), pushed: null);
    }

    private void Up(int level)
    {
        tape.Begin($"up {level}");
        UpBlockType type = options.UpBlockTypes[Coarsest - level];
        bool isSkip = type is UpBlockType.SkipUpBlock2D or UpBlockType.AttnSkipUpBlock2D;
        long channels = options.BlockOutChannels[level];
        for (int layer = 0; layer <= options.LayersPerBlock; layer++)
        {
            (long acrossChannels, TapeStep pushed) = across.Pop();
            long below = layer == 0 ? options.BlockOutChannels[Math.Min(level + 1, Coarsest)] : channels;
            bool attends = type == UpBlockType.AttnUpBlock2D || (type == UpBlockType.AttnSkipUpBlock2D && layer == options.LayersPerBlock);
            Action? attention = Attention(attends, channels, level, isSkip);
            blocks.JoiningLayer((below, acrossChannels, channels), PixelsAt(level), pushed, attention, isSkip);
        }

        if (isSkip && level > 0)
        {
            blocks.AnswerImages(channels, PixelsAt(level));
        }

        bool byConvolution = type == UpBlockType.UpBlock2D
            || (type == UpBlockType.AttnUpBlock2D && options.UpsampleType == ResamplingType.Conv);
        if (level > 0 && byConvolution)
        {
            blocks.Double(channels, PixelsAt(level));
        }
        else if (level > 0)
        {
            blocks.Layer((channels, channels), (PixelsAt(level), PixelsAt(level - 1)), pushed: null, isSkip: isSkip);
        }
    }

    private void Out()
    {
        tape.Begin("last convolution");
        long first = options.BlockOutChannels[0];
        long pixels = batch * PixelsAt(0);
        tape.Normalization(first, pixels, batch * (long)options.NormNumGroups);
        tape.NonLinearity(Activation.Silu, first * pixels);
        tape.Convolution((first, pixels), (options.OutChannels, pixels), 3, kept: first * pixels);
    }
}
