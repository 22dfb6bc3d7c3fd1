using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Diffusion.Training;

/// <summary>
/// One buffer behind all parameters of a network and one behind all gradients. Forward and backward are unchanged: parameters and their
/// gradients are views. One operator then clips, updates or averages what would be hundreds of tensors.
/// </summary>
/// <remarks>
/// Move the network to its device first: moving it afterwards replaces its parameters. Never set a gradient to null; zero
/// <see cref="Gradients"/> instead.
/// </remarks>
public sealed class FlatParameters : IDisposable
{
    private readonly Dictionary<string, Parameter> bound;
    private readonly IReadOnlyList<Parameter> frozen;

    /// <summary>Gathers a network's parameters, in place, on the device where they are.</summary>
    /// <param name="network">The network; it stays the caller's, and uses the buffers from now on.</param>
    /// <param name="rules">
    /// How parameters are treated. Those that a rule freezes have no <c>requires_grad</c> until this is disposed. Null, the default, for
    /// none.
    /// </param>
    /// <exception cref="ArgumentException">The network has nothing to train, other types than float32, or buffers.</exception>
    public FlatParameters(nn.Module network, IReadOnlyList<ParameterRule>? rules = null)
        : this(network, objective: null, rules ?? [])
    {
    }

    /// <summary>Gathers the parameters of a network and of what its objective learns.</summary>
    internal FlatParameters(nn.Module network, nn.Module? objective, IReadOnlyList<ParameterRule> rules)
    {
        Layout = FlatLayout.Of(network, objective, rules);
        Device device = network.parameters().First().device;
        Values = zeros(Layout.Length, ScalarType.Float32, device).DetachFromDisposeScope();
        Gradients = zeros(Layout.Length, ScalarType.Float32, device).DetachFromDisposeScope();
        Dictionary<string, Parameter> parameters = network.named_parameters()
            .Concat(objective?.named_parameters().Select(p => (name: FlatLayout.ObjectivePrefix + p.name, p.parameter)) ?? [])
            .ToDictionary(p => p.name, p => p.parameter, StringComparer.Ordinal);
        bound = parameters;
        using (no_grad())
        {
            foreach (FlatEntry entry in Layout.Entries)
            {
                using Tensor view = FlatLayout.View(Values, entry);
                view.copy_(parameters[entry.Name]);
            }
        }

        frozen = [.. Layout.Entries.Where(entry => entry.Group == ParameterGroup.Frozen).Select(entry => parameters[entry.Name])
            .Where(parameter => parameter.requires_grad)];
        foreach (Parameter parameter in frozen)
        {
            parameter.requires_grad = false;
        }

        FlatLayout.Bind(parameters, Values, Layout.Entries);
        foreach (FlatEntry entry in Layout.Entries.Where(entry => parameters[entry.Name].requires_grad))
        {
            using Tensor view = FlatLayout.View(Gradients, entry);
            parameters[entry.Name].grad = view;
        }
    }

    /// <summary>
    /// All parameters, float32 <c>[n]</c>. First come the <see cref="DecayedLength"/> elements that are trained with weight decay, then
    /// those that are trained without it, up to <see cref="TrainedLength"/>, then the frozen ones.
    /// </summary>
    public Tensor Values { get; }

    /// <summary>All gradients, float32 <c>[n]</c>, in the same order. The backward pass adds to them.</summary>
    public Tensor Gradients { get; }

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

    /// <summary>The parameters of a segment, which are views of <see cref="Values"/>.</summary>
    internal IReadOnlyList<Parameter> ParametersOf(ParameterSegment segment) => [.. segment.Entries.Select(entry => bound[entry.Name])];

    /// <summary>Frees the buffers. The network keeps its weights and stays usable; its gradients are gone.</summary>
    public void Dispose()
    {
        foreach (Parameter parameter in bound.Values)
        {
            parameter.grad = null;
        }

        foreach (Parameter parameter in frozen)
        {
            parameter.requires_grad = true;
        }

        Values.Dispose();
        Gradients.Dispose();
    }
}
