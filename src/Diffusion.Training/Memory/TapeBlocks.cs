namespace Diffusion.Training;

/// <summary>The residual, attention and resizing blocks of the U-Net as operations. Pixels are those of one image.</summary>
internal sealed class TapeBlocks(UNet2DOptions options, MemoryTape tape, int batch, RecomputedLayers recomputed, Precision precision)
{
    private const long MaxSkipGroups = 32;
    private const long ImageChannels = 3;

    private readonly long timeChannels = options.TimeEmbeddingDim ?? 4L * options.BlockOutChannels[0];

    /// <summary>
    /// A residual block that may change the size of its images, and the attention behind it; one layer of gradient checkpointing.
    /// </summary>
    /// <param name="channels">Channels that come in and go out.</param>
    /// <param name="pixels">Pixels that come in and go out.</param>
    /// <param name="pushed">Where its input was made, if a layer on the way up takes that too.</param>
    /// <param name="attention">The attention behind it, if any.</param>
    /// <param name="isSkip">Whether it is of a block named Skip.</param>
    public void Layer(
        (long In, long Out) channels, (long Before, long After) pixels, TapeStep? pushed, Action? attention = null, bool isSkip = false)
    {
        long input = channels.In * batch * pixels.Before;
        TapeLayer layer = new()
        {
            IsRecomputed = recomputed.Includes(tape.Layers.Count, attention is not null),
            Kept = pushed is null ? input : 0, Shared = input, Answer = channels.Out * batch * pixels.After,
        };
        if (layer.IsRecomputed)
        {
            tape.Add(new TapeStep { Output = 2 * input }); // its gradients by both branches
        }

        if (pushed is not null && layer.IsRecomputed)
        {
            tape.Keep(pushed, input);
        }
        else if (pushed is not null)
        {
            pushed.IsKept = true; // by the first normalization
        }

        tape.Open(layer);
        Residual(channels, pixels, isSkip);
        attention?.Invoke();
        tape.Close();
    }

    /// <summary>The same over images from below joined with those that came across.</summary>
    /// <param name="channels">Channels from below, from across, and that go out.</param>
    /// <param name="pixels">Pixels of an image.</param>
    /// <param name="pushed">Where what came across was made.</param>
    /// <param name="attention">The attention behind it, if any.</param>
    /// <param name="isSkip">Whether it is of a block named Skip.</param>
    public void JoiningLayer((long Below, long Across, long Out) channels, long pixels, TapeStep pushed, Action? attention, bool isSkip)
    {
        long joined = (channels.Below + channels.Across) * batch * pixels;

        TapeLayer layer = new()
        {
            IsRecomputed = recomputed.Includes(tape.Layers.Count, attention is not null),
            Kept = channels.Below * batch * pixels, Shared = 0, Answer = channels.Out * batch * pixels,
        };
        long across = channels.Across * batch * pixels;

        // The gradient of what came across waits until the way down is done with it: as a copy of its own, or within the joined one.
        long waiting = layer.IsRecomputed ? across : joined;
        tape.Add(new TapeStep { Output = layer.IsRecomputed ? 2 * joined : joined, Across = waiting });
        pushed.Across -= waiting;
        if (layer.IsRecomputed)
        {
            tape.Keep(pushed, across);
        }

        tape.Open(layer);
        Residual((channels.Below + channels.Across, channels.Out), (pixels, pixels), isSkip);
        attention?.Invoke();
        tape.Close();
    }

    /// <summary>A residual block, which may have a fourth or four times the pixels at its end.</summary>
    private void Residual((long In, long Out) channels, (long Before, long After) pixels, bool isSkip)
    {
        (long inChannels, long outChannels) = channels;
        long before = batch * pixels.Before;
        long after = batch * pixels.After;
        long statistics = batch * (isSkip ? MaxSkipGroups : options.NormNumGroups);
        long skip = inChannels * before;
        bool scalesAndShifts = options.ResnetTimeScaleShift == TimeScaleShift.ScaleShift;
        bool halves = after < before;
        tape.Normalization(inChannels, before, statistics, skip);
        tape.NonLinearity(options.ActFn, inChannels * before, skip);
        if (before != after)
        {
            // Averaging and smoothing keep what they are given; repeating keeps nothing.
            tape.Add(new TapeStep { Kept = halves || isSkip ? skip : 0, Input = skip, Output = inChannels * after, Waiting = skip });
        }

        tape.Convolution((inChannels, after), (outChannels, after), 3, kept: inChannels * after, waiting: skip);
        Linear(timeChannels, scalesAndShifts ? 2 * outChannels : outChannels);
        tape.Normalization(outChannels, after, statistics, skip);
        if (scalesAndShifts)
        {
            tape.PointWise(outChannels * after, outChannels * after, skip);
        }

        tape.NonLinearity(options.ActFn, outChannels * after, skip);
        if (options.Dropout > 0)
        {
            tape.PointWise(outChannels * after, outChannels * after, skip); // its mask, in float32
        }

        bool hasOwnSkip = inChannels != outChannels || before != after;
        tape.Convolution((outChannels, after), (outChannels, after), 3, kept: outChannels * after, waiting: hasOwnSkip ? skip : 0);
        bool resamplesSkip = isSkip && before != after;
        if (inChannels != outChannels || resamplesSkip)
        {
            tape.Convolution((inChannels, after), (outChannels, after), 1, kept: resamplesSkip ? inChannels * after : 0);
        }
    }

    /// <summary>Self-attention between pixels, perhaps without normalization.</summary>
    public void Attention(long channels, long pixels, int? groups)
    {
        long head = options.AttentionHeadDim ?? channels;
        long heads = channels / head;
        long all = batch * pixels;
        long inner = heads * head * all;
        long outer = channels * all;
        if (groups is { } count)
        {
            tape.Normalization(channels, all, batch * (long)count, outer);
        }

        tape.PointWise(outer, 0, outer); // the pixels side by side
        Linear(channels, heads * head);
        Linear(channels, heads * head);
        Linear(channels, heads * head);
        tape.Add(new TapeStep { Kept = outer, Output = 3 * inner, Input = 2 * outer, Waiting = outer });

        // Kept are queries, keys, values and the answer, and the weights of all pairs; flash attention keeps one logarithm per row instead.
        bool isByProducts = tape.IsCpu && Diffusion.Attention.IsByProducts(precision, pixels);
        long weights = heads * all * (isByProducts ? pixels : 1);
        tape.Add(new TapeStep
        {
            Kept = (4 * inner) + weights, Output = inner, Input = 3 * inner, Scratch = isByProducts ? 2 * weights : 0, Waiting = outer,
            Work = inner * ((4.0 * channels) + (2.0 * pixels)), // four projections, and two products
        });
        Linear(heads * head, channels);
        tape.Add(new TapeStep { Output = outer, Input = inner, Scratch = outer, Waiting = outer });
    }

    /// <summary>Half the size by a strided convolution of what was pushed last.</summary>
    public void Halve(long channels, long height, long width, TapeStep pushed)
    {
        bool padsOneSide = options.DownsamplePadding == 0; // by a copy
        if (!padsOneSide)
        {
            tape.Keep(pushed, batch * channels * height * width);
        }

        long kept = padsOneSide ? batch * channels * (height + 1) * (width + 1) : 0;
        tape.Convolution((channels, batch * height * width), (channels, batch * height * width / 4), 3, kept);
    }

    /// <summary>
    /// Double the size: on a CPU by a transposed convolution, whose 4 x 4 kernel is made from a padded 3 x 3 one and kept with it,
    /// elsewhere by a convolution of repeated pixels.
    /// </summary>
    public void Double(long channels, long pixels)
    {
        const long KernelNumbers = 25 + 16;
        long all = batch * pixels;
        if (tape.IsCpu)
        {
            long kept = (channels * all) + (KernelNumbers * channels * channels);
            tape.Convolution((channels, all), (channels, 4 * all), 3, kept);
            return;
        }

        tape.Add(new TapeStep { Output = 4 * channels * all, Input = channels * all });
        tape.Convolution((channels, 4 * all), (channels, 4 * all), 3, kept: 4 * channels * all);
    }

    /// <summary>The halved images, added to the halved features of a block named Skip.</summary>
    public void AddImages(long channels, long pixels) =>
        tape.Convolution((ImageChannels, batch * pixels), (channels, batch * pixels), 1, kept: ImageChannels * batch * pixels);

    /// <summary>The images of a level on the way up, and those from below, doubled.</summary>
    public void AnswerImages(long channels, long pixels)
    {
        // The residual block behind it keeps what is normalized here too.
        long all = batch * pixels;
        tape.Add(channels, channels);
        tape.PointWise(channels * all, 2 * batch * MaxSkipGroups);
        tape.NonLinearity(Activation.Silu, channels * all);
        tape.Convolution((channels, all), (ImageChannels, all), 3, kept: channels * all);
        tape.PointWise(ImageChannels * all, kept: ImageChannels * all);
    }

    /// <summary>The parameters of a linear layer.</summary>
    public void Linear(long inputs, long outputs) => tape.Add(inputs * outputs, outputs);
}
