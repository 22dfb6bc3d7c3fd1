using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Diffusion;

/// <summary>
/// The U-Net of diffusion models (Ronneberger et al. 2015; Ho et al. 2020, appendix B): levels that halve the images, then levels that
/// double them again, with skip connections between both. It computes the same as diffusers' <c>UNet2DModel</c>, and its weights have
/// the same names and order, so that either can load the other's.
/// </summary>
public sealed class UNet2D
    : nn.Module<Tensor, Tensor, Tensor?, Tensor>, IDiffusionModel, IGradientCheckpointing, IGuardedWeights, IStoredNetwork
{
    private readonly WeightLock gate = new(nameof(UNet2D), "Dispose the network after the last call.");
    private readonly GradientCheckpoints checkpoints = new();
    private readonly Conv2d convIn;
    private readonly UNet2DEmbedding embedding;
    private readonly ModuleList<nn.Module> downBlocks;
    private readonly MidBlock? midBlock;
    private readonly ModuleList<nn.Module> upBlocks;
    private readonly GroupNorm normOut;
    private readonly Conv2d convOut;

    /// <summary>Builds a network on the CPU with the initial weights of PyTorch for the same seed.</summary>
    /// <remarks>It starts in training mode, as in PyTorch; a <see cref="Denoiser"/> puts it into evaluation mode.</remarks>
    /// <param name="options">Its architecture.</param>
    /// <param name="seed">The seed of its weights.</param>
    /// <exception cref="ArgumentException">The options contradict each other; the message lists every problem.</exception>
    /// <exception cref="NativeBackendException">libtorch cannot be loaded.</exception>
    public UNet2D(UNet2DOptions options, long seed = 0)
        : base(NameOnceLoaded())
    {
        ArgumentNullException.ThrowIfNull(options);
        options.Validate();
        Options = options;
        Description = options.ToJson();

        // Layers are created in diffusers' order, which determines their random weights, and registered in the order of its state dict.
        // The scope frees the temporary tensors of the initialization, which would otherwise keep memory until garbage collection.
        using Lock.Scope generator = GlobalGenerator.Hold(seed);
        using DisposeScope scope = NewDisposeScope();
        IReadOnlyList<int> channels = options.BlockOutChannels;
        convIn = nn.Conv2d(options.InChannels, channels[0], 3, padding: 1);
        embedding = UNet2DEmbedding.Create(options);
        downBlocks = [];
        for (int level = 0; level < channels.Count; level++)
        {
            int above = channels[Math.Max(level - 1, 0)];
            bool isCoarsest = level == channels.Count - 1;
            DownBlockType type = options.DownBlockTypes[level];
            downBlocks.Add(type.IsSkip()
                ? new SkipDownBlock(options, checkpoints, type, above, channels[level], halves: !isCoarsest)
                : new DownBlock(options, checkpoints, type, above, channels[level], halves: !isCoarsest));
        }

        midBlock = options.HasMidBlock ? new MidBlock(options, checkpoints, channels[^1]) : null;
        upBlocks = [];
        for (int level = channels.Count - 1; level >= 0; level--)
        {
            UpBlockType type = options.UpBlockTypes[channels.Count - 1 - level];
            int below = channels[Math.Min(level + 1, channels.Count - 1)];
            int above = channels[Math.Max(level - 1, 0)];
            upBlocks.Add(type.IsSkip()
                ? new SkipUpBlock(options, checkpoints, type, below, channels[level], above, doubles: level > 0)
                : new UpBlock(options, checkpoints, type, below, channels[level], above, doubles: level > 0));
        }

        normOut = GroupNormalization.Create(options.NormNumGroups, channels[0], options.NormEps);
        convOut = nn.Conv2d(channels[0], options.OutChannels, 3, padding: 1);
        RegisterAll();
        foreach (Parameter weights in parameters())
        {
            weights.DetachFromDisposeScope();
        }
    }

    /// <summary>The architecture.</summary>
    public UNet2DOptions Options { get; }

    /// <inheritdoc/>
    public nn.Module Network => this;

    /// <inheritdoc/>
    public ImageShape? SampleShape =>
        Options.SampleSize is { } size ? new ImageShape(Options.InChannels, size.Height, size.Width) : null;

    /// <inheritdoc/>
    public int? ClassCount => Options.ClassEmbedType is null ? Options.NumClassEmbeds : null;

    /// <inheritdoc/>
    public bool HasDropout => Options.Dropout > 0;

    /// <inheritdoc/>
    public double DropoutProbability => Options.Dropout;

    /// <inheritdoc/>
    public string Description { get; }

    /// <inheritdoc/>
    WeightLock? IGuardedWeights.Gate => gate;

    /// <inheritdoc/>
    /// <remarks>
    /// Each residual block is a block, together with the attention that follows it. Each forward pass allows only one backward pass,
    /// without gradients of gradients. Dropout needs the CPU. A twin starts without it.
    /// </remarks>
    public GradientCheckpointing GradientCheckpointing { get => checkpoints.Blocks; set => checkpoints.Blocks = value; }

    /// <inheritdoc/>
    public Exception? RecomputationFailure => checkpoints.Failure;

    private IEnumerable<IUNetBlock> Blocks =>
        ((IEnumerable<nn.Module?>)[.. downBlocks, midBlock, .. upBlocks]).OfType<IUNetBlock>();

    /// <inheritdoc/>
    /// <remarks>It can recompute the blocks with attention if it has any.</remarks>
    public bool CanRecompute(GradientCheckpointing blocks) =>
        blocks != GradientCheckpointing.Attention || Blocks.Any(block => block.Attends);

    /// <summary>Runs the network: see <see cref="Predict"/>.</summary>
    /// <param name="noisy">Noisy images, in the dtype and on the device of the weights, <c>[B, C, H, W]</c>.</param>
    /// <param name="labels">The noise level of each, <c>[B]</c>, on any device.</param>
    /// <param name="classLabels">The class of each image where the network has classes, else null.</param>
    /// <returns><c>[B, C, H, W]</c>; it belongs to the caller.</returns>
    /// <exception cref="ArgumentException">A shape, dtype or value does not fit; the message says what is expected.</exception>
    /// <exception cref="InvalidOperationException">It trains with dropout and gradient checkpointing on a GPU.</exception>
    /// <exception cref="ObjectDisposedException">The network was disposed.</exception>
    public override Tensor forward(Tensor noisy, Tensor labels, Tensor? classLabels)
    {
        using WeightLock.Pass pass = gate.Read();
        UNet2DInputs.Check(Options, convIn.weight, noisy, labels, classLabels);
        using DisposeScope scope = NewDisposeScope();
        Tensor levels = labels.to(noisy.device); // [B]

        // Every residual block would activate the embedding before its projection: once is enough.
        Tensor condition = Options.ActFn.Apply(embedding.Embed(levels, classLabels)); // [B, D]
        Tensor images = Options.CenterInputSample ? noisy.Times(2).Plus(-1) : noisy;
        Stack<Tensor> across = Down(images, condition);
        Tensor x = midBlock is null ? across.Peek() : midBlock.call(across.Peek(), condition);
        (x, Tensor? ofLevels) = Up(x, across, condition);
        x = convOut.call(nn.functional.silu(normOut.call(x))); // [B, C, H, W]
        x = ofLevels is null ? x : x.Plus(ofLevels);
        return (Options.TimeEmbeddingType == TimeEmbeddingType.Fourier ? x / levels.view(-1, 1, 1, 1) : x).MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    /// <exception cref="ArgumentException">A shape, dtype or value does not fit; the message says what is expected.</exception>
    public Tensor Predict(Tensor noisy, Tensor labels, Conditioning conditioning)
    {
        ArgumentNullException.ThrowIfNull(conditioning);
        conditioning.RefuseEndLabels(nameof(UNet2D));
        return call(noisy, labels, conditioning.ClassLabels);
    }

    /// <inheritdoc/>
    public IDiffusionModel CreateTwin()
    {
        using WeightLock.Pass pass = gate.Read();
        UNet2D twin = new(Options);
        twin.to(convIn.weight.device, convIn.weight.dtype);
        return twin;
    }

    /// <inheritdoc/>
    public IReadOnlyList<string> Problems(ImageShape shape, INoiseSchedule schedule)
    {
        ArgumentNullException.ThrowIfNull(schedule);
        return [.. UNet2DFit.Problems(Options, shape, schedule)];
    }

    /// <summary>The weights by name, in the order of PyTorch's <c>state_dict()</c>. They stay the network's.</summary>
    public IReadOnlyList<KeyValuePair<string, Tensor>> NamedTensors() =>
        [.. named_parameters().Select(p => KeyValuePair.Create<string, Tensor>(p.name, p.parameter))];

    /// <summary>
    /// Copies weights into the network, converting between floating-point dtypes and devices. Names of old diffusers files (query,
    /// key, value, proj_attn) are accepted, and a prefix of all names (<c>module.</c>, <c>_orig_mod.</c>) is removed. Nothing is
    /// changed unless every weight fits.
    /// </summary>
    /// <param name="weights">Exactly the network's weights by name; they stay the caller's.</param>
    /// <exception cref="ArgumentException">
    /// Weights are missing, unexpected, or of another shape or kind; the message lists twenty of them and how many more.
    /// </exception>
    public void LoadWeights(IReadOnlyDictionary<string, Tensor> weights)
    {
        ArgumentNullException.ThrowIfNull(weights);
        using WeightLock.Pass pass = gate.Write();
        NamedWeights.CopyInto(NamedTensors(), weights, LegacyWeightNames.ToCurrent);
        TrainedNetworks.Renew(this);
    }

    /// <summary>Recomputes residual blocks by their numbers, counted from 0 in the order of the forward pass.</summary>
    internal void Recompute(IReadOnlySet<int> layers) =>
        checkpoints.Choose(Blocks.SelectMany(block => block.Layers).Where((_, number) => layers.Contains(number)));

    /// <inheritdoc/>
    string IStoredNetwork.CurrentName(string stored) => LegacyWeightNames.ToCurrent(stored);

    /// <inheritdoc/>
    string IStoredNetwork.ArchitectureOf(string description) =>
        (UNet2DOptions.FromJson(description) with { SampleSize = null, Dropout = 0 }).ToJson();

    /// <summary>The layers are registered in the constructor.</summary>
    protected override void RegisterComponents()
    {
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            gate.Dispose(); // waits for calls in flight
            checkpoints.Dispose();
        }

        base.Dispose(disposing);
    }

    // The base constructor already calls native code.
    private static string NameOnceLoaded()
    {
        TorchBackend.EnsureLoaded();
        return nameof(UNet2D);
    }

    private void RegisterAll()
    {
        register_module("conv_in", convIn);
        embedding.RegisterIn(this);
        register_module("down_blocks", downBlocks);
        register_module("up_blocks", upBlocks);
        register_module("mid_block", midBlock!);
        register_module("conv_norm_out", normOut);
        register_module("conv_out", convOut);
    }

    // The skip connections, of which the last is the input of the middle: the features [B, C0, H, W] and those of every layer.
    private Stack<Tensor> Down(Tensor images, Tensor condition)
    {
        Stack<Tensor> across = new([convIn.call(images)]);
        foreach (nn.Module block in downBlocks)
        {
            Tensor x = across.Peek();
            if (block is SkipDownBlock skip)
            {
                images = skip.Halves ? Resampling.HalveSmoothly.Apply(images) : images; // [B, 3, H/2, W/2]
                PushAll(skip.call(x, images, condition));
            }
            else
            {
                PushAll(((DownBlock)block).call(x, condition));
            }
        }

        return across;

        void PushAll(IReadOnlyList<Tensor> layers)
        {
            foreach (Tensor features in layers)
            {
                across.Push(features);
            }
        }
    }

    // Features [B, C0, H, W], and the sum of the levels' images [B, 3, H, W] if any level has images.
    private (Tensor Features, Tensor? Images) Up(Tensor x, Stack<Tensor> across, Tensor condition)
    {
        Tensor? images = null;
        foreach (nn.Module block in upBlocks)
        {
            if (block is not SkipUpBlock skip)
            {
                x = ((UpBlock)block).call(x, across, condition);
                continue;
            }

            Tensor? ofBelow = images is null ? null : Resampling.DoubleSmoothly.Apply(images);
            (x, Tensor? ofLevel) = skip.call(x, across, condition);
            images = ofBelow is null ? ofLevel : ofLevel is null ? ofBelow : ofBelow.Plus(ofLevel);
        }

        return (x, images);
    }
}
