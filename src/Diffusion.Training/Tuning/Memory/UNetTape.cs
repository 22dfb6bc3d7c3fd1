namespace Diffusion.Training;

/// <summary>Walks through a U-Net as it is built, without building it.</summary>
internal sealed class UNetTape
{
    private readonly Stack<(long Channels, TapeStep Step)> across = [];
    private readonly MemoryTape tape = new();
    private readonly UNet2DOptions options;
    private readonly ImageShape images;
    private readonly int batch;
    private readonly TapeBlocks blocks;

    private UNetTape(UNet2DOptions options, ImageShape images, int batch)
    {
        this.options = options;
        this.images = images;
        this.batch = batch;
        blocks = new TapeBlocks(options, tape, batch);
    }

    /// <summary>The operations of one forward pass.</summary>
    public static MemoryTape Record(UNet2DOptions options, ImageShape images, int batch)
    {
        UNetTape walk = new(options, images, batch);
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

    private void Push(long channels) => across.Push((channels, tape.Add(new TapeStep())));

    // The embeddings, and the first convolution, which needs no gradient of its input.
    private void Ends()
    {
        tape.Begin("embeddings");
        long first = options.BlockOutChannels[0];
        long time = options.TimeEmbeddingDim ?? 4 * first;
        bool isFourier = options.TimeEmbeddingType == TimeEmbeddingType.Fourier;
        long timeInputs = isFourier ? 2 * first : first;
        if (isFourier)
        {
            tape.Add(first);
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
        tape.Convolution((options.InChannels, pixels), (first, pixels), 3, kept: options.CenterInputSample ? options.InChannels * pixels : 0);
        Push(first);
    }

    private void Down(int level)
    {
        tape.Begin($"down {level}");
        DownBlockType type = options.DownBlockTypes[level];
        long channels = options.BlockOutChannels[level];
        for (int layer = 0; layer < options.LayersPerBlock; layer++)
        {
            long inChannels = layer == 0 ? options.BlockOutChannels[Math.Max(level - 1, 0)] : channels;
            blocks.Residual(inChannels, channels, PixelsAt(level), PixelsAt(level));
            if (type == DownBlockType.AttnDownBlock2D)
            {
                blocks.Attention(channels, PixelsAt(level), options.NormNumGroups);
            }

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
            blocks.Halve(channels, images.Height >> level, images.Width >> level);
        }
        else
        {
            blocks.Residual(channels, channels, PixelsAt(level), PixelsAt(level + 1));
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
        blocks.Residual(channels, channels, pixels, pixels);
        if (options.AddAttention)
        {
            bool isPlain = options.ResnetTimeScaleShift == TimeScaleShift.Default;
            blocks.Attention(channels, pixels, options.AttnNormNumGroups ?? (isPlain ? options.NormNumGroups : null));
        }

        blocks.Residual(channels, channels, pixels, pixels);
    }

    private void Up(int level)
    {
        tape.Begin($"up {level}");
        UpBlockType type = options.UpBlockTypes[Coarsest - level];
        long channels = options.BlockOutChannels[level];
        for (int layer = 0; layer <= options.LayersPerBlock; layer++)
        {
            (long acrossChannels, TapeStep pushed) = across.Pop();
            long below = layer == 0 ? options.BlockOutChannels[Math.Min(level + 1, Coarsest)] : channels;
            long joined = below + acrossChannels;

            // The gradient of what came across is a view of the joined one, which so lives until the way down is done with it.
            long gradient = joined * batch * PixelsAt(level);
            tape.Add(new TapeStep { Output = gradient, Across = gradient });
            pushed.Across -= gradient;
            blocks.Residual(joined, channels, PixelsAt(level), PixelsAt(level));
            if (type == UpBlockType.AttnUpBlock2D)
            {
                blocks.Attention(channels, PixelsAt(level), options.NormNumGroups);
            }
        }

        bool byConvolution = type == UpBlockType.UpBlock2D
            || (type == UpBlockType.AttnUpBlock2D && options.UpsampleType == ResamplingType.Conv);
        if (level > 0 && byConvolution)
        {
            blocks.Double(channels, PixelsAt(level));
        }
        else if (level > 0)
        {
            blocks.Residual(channels, channels, PixelsAt(level), PixelsAt(level - 1));
        }
    }

    private void Out()
    {
        tape.Begin("last convolution");
        long first = options.BlockOutChannels[0];
        long pixels = batch * PixelsAt(0);
        tape.Normalisation(first, pixels, batch * (long)options.NormNumGroups);
        tape.NonLinearity(Activation.Silu, first * pixels);
        tape.Convolution((first, pixels), (options.OutChannels, pixels), 3, kept: first * pixels);
    }
}
