using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Diffusion.Training;

/// <summary>
/// One buffer behind all parameters of a network and one behind all gradients. Forward and backward are unchanged: parameters and their
/// gradients are views. One operator then clips, updates or averages what would be hundreds of tensors. Both are float32 whatever the
/// network computes in: autograd adds rounded gradients to float32 sums.
/// </summary>
/// <remarks>
/// Move the network to its device first: moving it afterwards replaces its parameters. Never set a gradient to null; zero
/// <see cref="Gradients"/> instead. Load weights before, or write them into <see cref="Values"/> and call <see cref="RoundValues"/>. In a
/// precision of 16 bits the network computes with rounded weights until this object is disposed, also after
/// <see cref="EmaWrapper.Swap"/>. In float16 the gradients are multiplied by the <see cref="LossScale"/>. On an NVIDIA GPU, cuDNN searches
/// the fastest algorithm of each convolution until this object is disposed.
/// </remarks>
public sealed class FlatParameters : IDisposable
{
    private readonly nn.Module network;
    private readonly Dictionary<string, Parameter> bound;
    private readonly IReadOnlyList<Parameter> frozen = [];
    private readonly Tensor? rounded;
    private readonly Float32Products? products;
    private readonly IDisposable? search;
    private readonly List<Parameter> views = []; // of a network with rounded ones, for optimizers that need parameters
    private bool isDisposed;

    /// <summary>Gathers a network's parameters, in place, on the device where they are.</summary>
    /// <param name="network">The network; it stays the caller's, and uses the buffers from now on.</param>
    /// <param name="precision">
    /// What the network computes in until this object is disposed. In 16 bits its parameters are rounded copies of <see cref="Values"/>,
    /// except those of an <see cref="IFloat32Layer"/>; the conversion replaces the parameter objects, as a move to
    /// another device does. Default float32.
    /// </param>
    /// <param name="rules">
    /// How parameters are treated. Those that a rule freezes have no <c>requires_grad</c> until this is disposed. Null, the default, for
    /// none.
    /// </param>
    /// <exception cref="ArgumentException">
    /// The network has nothing to train, other types than float32, or buffers; or the precision is <see cref="Precision.Best"/>, or one
    /// that the device does not have.
    /// </exception>
    /// <exception cref="InvalidOperationException">
    /// The network is on an NVIDIA GPU, and other parameters of this process have <see cref="Precision.Float32"/> where these have
    /// <see cref="Precision.TensorFloat32"/>, or the reverse.
    /// </exception>
    public FlatParameters(
        nn.Module network, Precision precision = Precision.Float32, IReadOnlyList<ParameterRule>? rules = null)
        : this(network, objective: null, precision, rules ?? [])
    {
    }

    /// <summary>Gathers the parameters of a network and of what its objective learns.</summary>
    /// <param name="network">The network.</param>
    /// <param name="objective">What the objective learns; null for nothing.</param>
    /// <param name="precision">What the network computes in.</param>
    /// <param name="rules">How parameters are treated.</param>
    /// <param name="shards">The number of processes that update a part each. Default 1.</param>
    internal FlatParameters(
        nn.Module network, nn.Module? objective, Precision precision, IReadOnlyList<ParameterRule> rules, int shards = 1)
    {
        if (precision == Precision.Best || !Enum.IsDefined(precision))
        {
            throw new ArgumentException($"The precision is {precision}, but parameters need a definite one. Use Float32 or BFloat16.",
                nameof(precision));
        }

        Layout = FlatLayout.Of(network, objective, rules);
        this.network = network;
        Precision = precision;
        Device device = network.parameters().First().device;
        if (precision == Precision.TensorFloat32 && device.type != DeviceType.CUDA)
        {
            throw new ArgumentException(
                $"The precision is TensorFloat32, which only NVIDIA GPUs have, but the network is on {device}. Use Float32.",
                nameof(precision));
        }

        long padded = Math.Max(Layout.Length, new FlatShard(Layout.TrainedLength, 0, shards).Padded);
        Padded = zeros(padded, ScalarType.Float32, device).DetachFromDisposeScope();
        Values = Padded.narrow(0, 0, Layout.Length).DetachFromDisposeScope();
        Gradients = zeros(Layout.Length, ScalarType.Float32, device).DetachFromDisposeScope();
        products = Float32Products.For(device.type, precision);
        bound = NamedParameters(network, objective);
        using (no_grad())
        {
            foreach (FlatEntry entry in Layout.Entries)
            {
                using Tensor view = FlatLayout.View(Values, entry);
                view.copy_(bound[entry.Name]);
            }
        }

        if (PrecisionTypes.IsHalf(precision))
        {
            rounded = zeros(Layout.Length, PrecisionTypes.TypeOf(precision), device).DetachFromDisposeScope();
            RoundValues();
            try
            {
                NetworkRounding.Round(network, precision);
            }
            catch
            {
                bound = [];
                Dispose();
                throw;
            }

            bound = NamedParameters(network, objective);
            FlatLayout.Bind(bound, rounded, Layout.Entries.Where(entry => !IsFloat32(entry)));
            LossScale = precision == Precision.Float16 ? new LossScale(network, device) : null;
        }

        frozen = [.. Layout.Entries.Where(entry => entry.Group == ParameterGroup.Frozen).Select(entry => bound[entry.Name])
            .Where(parameter => parameter.requires_grad)];
        foreach (Parameter parameter in frozen)
        {
            parameter.requires_grad = false;
        }

        FlatLayout.Bind(bound, Values, Layout.Entries.Where(IsFloat32));
        foreach (FlatEntry entry in Layout.Entries.Where(entry => bound[entry.Name].requires_grad))
        {
            using Tensor view = FlatLayout.View(Gradients, entry);
            bound[entry.Name].grad = view;
        }

        search = AlgorithmSearch.OfProcess.For(device.type);

        bool IsFloat32(FlatEntry entry) => bound[entry.Name].dtype == ScalarType.Float32;
    }

    // Views of a part of the buffers, without the network's own parameters.
    private FlatParameters(FlatParameters whole, FlatShard shard)
    {
        Layout = whole.Layout.Part(shard.From, shard.To);
        (network, bound, Precision) = (whole.network, [], whole.Precision);
        Values = whole.Values.narrow(0, shard.From, Layout.Length).DetachFromDisposeScope();
        Gradients = whole.Gradients.narrow(0, shard.From, Layout.Length).DetachFromDisposeScope();
        Padded = Values.alias().DetachFromDisposeScope();
    }

    /// <summary>What the network computes in.</summary>
    public Precision Precision { get; }

    /// <summary>
    /// All parameters, float32 <c>[n]</c>. First come the <see cref="DecayedLength"/> elements that are trained with weight decay, then
    /// those that are trained without it, up to <see cref="TrainedLength"/>, then the frozen ones.
    /// </summary>
    public Tensor Values { get; }

    /// <summary>
    /// All gradients, float32 <c>[n]</c>, in the same order. The backward pass adds to them. In float16 they are those of the loss
    /// multiplied by the <see cref="LossScale"/>, by which <see cref="ParameterUpdate.Apply"/> divides them.
    /// </summary>
    public Tensor Gradients { get; }

    /// <summary>The factor of the loss in <see cref="Precision.Float16"/>; null in other precisions.</summary>
    public LossScale? LossScale { get; }

    /// <summary>The number of elements, from the start, that are trained with weight decay.</summary>
    public long DecayedLength => Layout.DecayedLength;

    /// <summary>The number of elements, from the start, that are trained.</summary>
    public long TrainedLength => Layout.TrainedLength;

    /// <summary>The number of parameters of the network and of its objective.</summary>
    public long ParameterCount => Layout.Entries.Sum(entry => entry.Length);

    /// <summary>
    /// The trained parameters in segments, from the start of the buffers up to <see cref="TrainedLength"/>. An optimizer trains each
    /// segment with its weight decay and its learning rate.
    /// </summary>
    public IReadOnlyList<ParameterSegment> Segments =>
        ParameterSegment.Of(Layout.Entries.Where(entry => entry.Group != ParameterGroup.Frozen));

    internal FlatLayout Layout { get; }

    /// <summary><see cref="Values"/>, and room behind them for as many full parts as there are processes that update a part each.</summary>
    internal Tensor Padded { get; }

    /// <summary>
    /// The part that one of several processes updates, as views of these buffers: to an optimizer it is the same as all parameters of a
    /// smaller network. <see cref="RoundValues"/> does nothing there.
    /// </summary>
    /// <returns>The part, which the caller disposes before this object.</returns>
    internal FlatParameters Part(FlatShard shard) => new(this, shard);

    /// <summary>
    /// Views of a buffer that is ordered like <see cref="Values"/>, by parameter name. An optimizer names its state with it.
    /// </summary>
    /// <param name="flat">A buffer of as many elements as <see cref="Values"/>.</param>
    /// <returns>One view per trained parameter, outside all dispose scopes; they belong to the caller.</returns>
    public IReadOnlyDictionary<string, Tensor> TrainedViews(Tensor flat)
    {
        ArgumentNullException.ThrowIfNull(flat);
        return Layout.TrainedViews(flat);
    }

    /// <summary>
    /// Rounds <see cref="Values"/> to what the network computes in; does nothing in 32 bits. Whoever writes the values calls it before the
    /// next forward pass, as <see cref="ParameterUpdate.Apply"/> does.
    /// </summary>
    public void RoundValues()
    {
        using IDisposable noGradients = no_grad();
        rounded?.copy_(Values);
    }

    /// <summary>The parameters of a segment in float32, as views of <see cref="Values"/> and <see cref="Gradients"/>.</summary>
    internal IReadOnlyList<Parameter> ParametersOf(ParameterSegment segment) => [.. segment.Entries.Select(Exact)];

    /// <summary>
    /// Frees the buffers. The network keeps its weights, in float32 again, and stays usable; its gradients are gone.
    /// </summary>
    public void Dispose()
    {
        if (isDisposed)
        {
            return;
        }

        isDisposed = true;
        foreach (Parameter parameter in bound.Values)
        {
            parameter.grad = null;
        }

        foreach (Parameter parameter in frozen)
        {
            parameter.requires_grad = true;
        }

        views.ForEach(parameter => parameter.Dispose());
        Gradients.Dispose();
        LossScale?.Free();
        products?.Dispose();
        search?.Dispose();
        if (rounded is not null)
        {
            rounded.Dispose();
            PrecisionTypes.ReturnToFloat32(network);
            Layout.Bind(network, Values);
        }

        Values.Dispose();
        Padded.Dispose();
    }

    private Parameter Exact(FlatEntry entry)
    {
        if (bound[entry.Name].dtype == ScalarType.Float32)
        {
            return bound[entry.Name];
        }

        using IDisposable noGradients = no_grad();
        using Tensor values = FlatLayout.View(Values, entry);
        using Tensor gradients = FlatLayout.View(Gradients, entry);
        Parameter parameter = new(empty(0));
        parameter.DetachFromDisposeScope();
        parameter.set_(values);
        parameter.grad = gradients;
        views.Add(parameter);
        return parameter;
    }

    private static Dictionary<string, Parameter> NamedParameters(nn.Module network, nn.Module? objective) => network.named_parameters()
        .Concat(objective?.named_parameters().Select(p => (name: FlatLayout.ObjectivePrefix + p.name, p.parameter)) ?? [])
        .ToDictionary(p => p.name, p => p.parameter, StringComparer.Ordinal);
}
