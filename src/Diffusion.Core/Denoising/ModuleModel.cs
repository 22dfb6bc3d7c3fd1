using System.Text.Json.Nodes;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Diffusion;

/// <summary>Makes a diffusion model of a plain TorchSharp module.</summary>
/// <remarks>
/// The module takes noisy images <c>[B, C, H, W]</c> and their noise levels, float32 <c>[B]</c>, on the device of the images: with a
/// discrete schedule the timesteps, such as 999. With classes it also takes the class of each image, int64 <c>[B]</c>. It returns a new
/// tensor of the shape of the images; other tensors that it creates are freed. Everything that it learns must be a parameter: buffers, such
/// as the running statistics of a batch normalization, are not copied to twins and checkpoints.
/// </remarks>
/// <example><c>using ModuleModel model = new(() => new MyNetwork(channels: 32), seed: 0);</c></example>
public sealed class ModuleModel : IDiffusionModel, IGuardedWeights
{
    private readonly WeightLock gate = new(nameof(ModuleModel), "Dispose the model after the last call.");
    private readonly Func<nn.Module> create;
    private readonly string? description;
    private readonly bool? hasDropout;

    /// <summary>Makes a model of a module without classes, on the CPU.</summary>
    /// <param name="create">
    /// Creates the module, each time a new one of the same architecture; the model owns what it returns. Also called for twins.
    /// </param>
    /// <param name="seed">The seed of the <see cref="GlobalGenerator"/> while the module is created.</param>
    /// <exception cref="NativeBackendException">libtorch cannot be loaded.</exception>
    public ModuleModel(Func<nn.Module<Tensor, Tensor, Tensor>> create, long seed)
        : this(create, classCount: null, seed)
    {
    }

    /// <summary>Makes a model of a module with classes, on the CPU.</summary>
    /// <param name="create">
    /// Creates the module, each time a new one of the same architecture; the model owns what it returns. Also called for twins.
    /// </param>
    /// <param name="classCount">How many classes there are, at least 1.</param>
    /// <param name="seed">The seed of the <see cref="GlobalGenerator"/> while the module is created.</param>
    /// <exception cref="ArgumentOutOfRangeException">There are fewer classes than 1.</exception>
    /// <exception cref="NativeBackendException">libtorch cannot be loaded.</exception>
    public ModuleModel(Func<nn.Module<Tensor, Tensor, Tensor, Tensor>> create, int classCount, long seed)
        : this(create, (int?)classCount, seed)
    {
    }

    private ModuleModel(Func<nn.Module> create, int? classCount, long seed)
    {
        ArgumentNullException.ThrowIfNull(create);
        ArgumentOutOfRangeException.ThrowIfLessThan(classCount ?? 1, 1, nameof(classCount));
        TorchBackend.EnsureLoaded();
        this.create = create;
        ClassCount = classCount;
        using Lock.Scope generator = GlobalGenerator.Hold(seed);
        Network = create();
    }

    /// <inheritdoc/>
    public nn.Module Network { get; }

    /// <inheritdoc/>
    /// <remarks>Null by default.</remarks>
    public ImageShape? SampleShape { get; init; }

    /// <inheritdoc/>
    public int? ClassCount { get; }

    /// <inheritdoc/>
    /// <remarks>By default whether the module contains a dropout module. Set it where the module calls a dropout function.</remarks>
    public bool HasDropout { get => hasDropout ?? Network.modules().Any(IsDropout); init => hasDropout = value; }

    /// <inheritdoc/>
    /// <remarks>
    /// By default the name of the module's type and the shape of every parameter. Set it where networks of the same shapes differ, for
    /// example in their activation.
    /// </remarks>
    public string Description { get => description ?? DefaultDescription(); init => description = value; }

    /// <inheritdoc/>
    WeightLock? IGuardedWeights.Gate => gate;

    /// <inheritdoc/>
    /// <exception cref="ArgumentException">The model has classes, but the conditioning does not.</exception>
    /// <exception cref="ObjectDisposedException">The model was disposed.</exception>
    public Tensor Predict(Tensor noisy, Tensor labels, Conditioning conditioning)
    {
        ArgumentNullException.ThrowIfNull(noisy);
        ArgumentNullException.ThrowIfNull(labels);
        ArgumentNullException.ThrowIfNull(conditioning);
        conditioning.RefuseEndLabels(nameof(ModuleModel));
        using WeightLock.Pass pass = gate.Read();
        using DisposeScope scope = NewDisposeScope();
        Tensor levels = labels.to(ScalarType.Float32, noisy.device); // [B]
        if (Network is nn.Module<Tensor, Tensor, Tensor> unconditional)
        {
            return unconditional.call(noisy, levels).MoveToOuterDisposeScope();
        }

        Tensor classes = conditioning.ClassLabels ?? throw new ArgumentException(
            $"The model has {ClassCount} classes, but there are no class labels. Pass one for each image.", nameof(conditioning));
        return ((nn.Module<Tensor, Tensor, Tensor, Tensor>)Network).call(noisy, levels, classes.to(noisy.device)).MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    public IDiffusionModel CreateTwin()
    {
        using WeightLock.Pass pass = gate.Read();
        ModuleModel twin = new(create, ClassCount, seed: 0)
        {
            SampleShape = SampleShape,
            HasDropout = HasDropout,
            Description = Description,
        };
        if (Network.parameters().FirstOrDefault() is { } first)
        {
            twin.Network.to(first.device, first.dtype);
        }

        return twin;
    }

    /// <inheritdoc/>
    /// <remarks>None: the trainer compares <see cref="SampleShape"/> with the images, and the module checks its inputs itself.</remarks>
    public IReadOnlyList<string> Problems(ImageShape shape, INoiseSchedule schedule) => [];

    /// <summary>Waits for the calls in flight, and frees the module.</summary>
    public void Dispose()
    {
        gate.Dispose();
        Network.Dispose();
    }

    private static bool IsDropout(nn.Module module) =>
        module is TorchSharp.Modules.Dropout or Dropout1d or Dropout2d or Dropout3d or AlphaDropout or FeatureAlphaDropout;

    private string DefaultDescription()
    {
        JsonObject shapes = [];
        foreach ((string name, Parameter parameter) in Network.named_parameters())
        {
            shapes[name] = new JsonArray([.. parameter.shape.Select(size => (JsonNode)size)]);
        }

        return new JsonObject { ["module"] = Network.GetType().Name, ["parameters"] = shapes }.ToJsonString();
    }
}
