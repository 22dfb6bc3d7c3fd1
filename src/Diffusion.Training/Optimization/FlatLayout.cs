using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Diffusion.Training;

/// <summary>
/// How the parameters of a network lie one after the other in a flat buffer: decayed, plain, those of the objective, frozen; each group in
/// the network's own order, so that each group is one block. Every parameter starts at a multiple of 128 elements; the gaps hold zeros.
/// </summary>
internal sealed class FlatLayout
{
    internal const long Alignment = 128;

    /// <summary>What comes before the names of the objective's parameters.</summary>
    internal const string ObjectivePrefix = "objective.";

    private FlatLayout(IReadOnlyList<FlatEntry> entries)
    {
        Entries = entries;
        DecayedLength = LengthOf(entries, ParameterGroup.Decayed);
        TrainedLength = LengthOf(entries, ParameterGroup.Decayed, ParameterGroup.Plain, ParameterGroup.Objective);
        Length = LengthOf(entries, Enum.GetValues<ParameterGroup>());
    }

    /// <summary>Every parameter, in the order of the buffer.</summary>
    public IReadOnlyList<FlatEntry> Entries { get; }

    /// <summary>How many elements from the start are trained with weight decay.</summary>
    public long DecayedLength { get; }

    /// <summary>How many elements from the start are trained.</summary>
    public long TrainedLength { get; }

    /// <summary>How many elements the buffer has.</summary>
    public long Length { get; }

    /// <summary>The layout of a network's parameters.</summary>
    /// <exception cref="ArgumentException">
    /// The network has no parameters to train, or has parameters that are not float32, or buffers.
    /// </exception>
    public static FlatLayout Of(nn.Module network) => Of(network, objective: null, []);

    /// <summary>The layout of a network's parameters, treated by rules, with those of an objective.</summary>
    internal static FlatLayout Of(nn.Module network, nn.Module? objective, IReadOnlyList<ParameterRule> rules)
    {
        ArgumentNullException.ThrowIfNull(network);
        if (Problems(network).Concat(objective is null ? [] : Problems(objective)).FirstOrDefault() is { } problem)
        {
            throw new ArgumentException(problem, nameof(network));
        }

        List<(string Name, Parameter Value)> parameters = [.. network.named_parameters()];
        HashSet<string> tables = [.. network.named_modules().Where(part => part.module is Embedding or EmbeddingBag)
            .SelectMany(part => part.module.named_parameters().Select(p => part.name.Length == 0 ? p.name : $"{part.name}.{p.name}"))];
        Dictionary<string, ParameterTreatment> treatments = parameters.ToDictionary(
            p => p.Name, p => ParameterTreatment.Of(rules, p.Name, (int)p.Value.dim()), StringComparer.Ordinal);
        List<FlatEntry> entries = new(parameters.Count);
        long offset = 0;
        foreach (ParameterGroup group in Enum.GetValues<ParameterGroup>())
        {
            IEnumerable<(string Name, Parameter Value)> members = group == ParameterGroup.Objective
                ? objective?.named_parameters().Select(p => (ObjectivePrefix + p.name, p.parameter)) ?? []
                : parameters.Where(p => GroupOf(p.Value, treatments[p.Name]) == group);
            foreach ((string name, Parameter value) in members)
            {
                double rateFactor = treatments.TryGetValue(name, out ParameterTreatment? treatment) ? treatment.RateFactor : 1;
                entries.Add(new FlatEntry(name, [.. value.shape], offset, value.numel(), group, rateFactor,
                    IsTable: tables.Contains(name), Place: parameters.FindIndex(p => p.Name == name)));
                offset += Aligned(value.numel());
            }
        }

        return new FlatLayout(entries);
    }

    /// <summary>
    /// The layout of a range of the trained elements. A parameter that lies in it only partly keeps the number of its dimensions, but all
    /// except the first are 1.
    /// </summary>
    /// <param name="from">The first element, a multiple of <see cref="Alignment"/>.</param>
    /// <param name="to">The end, exclusive, also a multiple.</param>
    internal FlatLayout Part(long from, long to) => new([.. Entries
        .Where(entry => entry.Group != ParameterGroup.Frozen && entry.Offset < to && EndOf(entry) > from)
        .Select(entry => Cut(entry, from, to))]);

    /// <summary>Every reason why a network has no layout, each with its remedy; empty when it has one.</summary>
    internal static IEnumerable<string> Problems(nn.Module network)
    {
        List<(string Name, Parameter Value)> parameters = [.. network.named_parameters()];
        if (!parameters.Exists(p => p.Value.requires_grad))
        {
            yield return $"The network has {parameters.Count} parameters, none of them trained. "
                + "Call RegisterComponents() in its constructor, or register its parts with register_module.";
        }

        if (parameters.Find(p => p.Value.dtype != ScalarType.Float32) is { Value: not null } other)
        {
            yield return $"Parameter '{other.Name}' is {other.Value.dtype}, but weights are trained as float32. "
                + (PrecisionTypes.IsRounded(other.Value.dtype)
                    ? "If a trainer or a FlatParameters has it in a lower precision, dispose that first; otherwise use "
                        + "network.to(torch.float32), and TrainingOptions.Precision to compute in less."
                    : "Use network.to(torch.float32).");
        }

        string[] buffers = [.. network.named_buffers().Select(b => b.name)];
        if (buffers.Length > 0)
        {
            yield return $"The network has buffers ({string.Join(", ", buffers.Take(5))}), which are neither averaged nor saved. "
                + "Make them parameters without requires_grad, or use a normalization without running statistics.";
        }
    }

    /// <summary>The part of a flat buffer that belongs to one parameter, in its shape.</summary>
    /// <param name="flat">A buffer of <see cref="Length"/> elements.</param>
    /// <param name="entry">Which parameter.</param>
    /// <returns>A view of the buffer; it belongs to the caller.</returns>
    public static Tensor View(Tensor flat, FlatEntry entry)
    {
        ArgumentNullException.ThrowIfNull(flat);
        ArgumentNullException.ThrowIfNull(entry);
        using Tensor part = flat.narrow(0, entry.Offset, entry.Length);
        return part.view([.. entry.Shape]);
    }

    /// <summary>Views of the network's part of a flat buffer, by parameter name.</summary>
    /// <param name="flat">A buffer of <see cref="Length"/> elements.</param>
    /// <returns>One view per parameter, outside all dispose scopes; they belong to the caller.</returns>
    public IReadOnlyDictionary<string, Tensor> Views(Tensor flat) => ViewsOf(flat, NetworkEntries);

    /// <summary>Views of the objective's part of a flat buffer, as <see cref="Views"/> gives those of the network.</summary>
    internal IReadOnlyDictionary<string, Tensor> ObjectiveViews(Tensor flat) =>
        ViewsOf(flat, Entries.Where(entry => entry.Group == ParameterGroup.Objective));

    /// <summary>Views of the trained parameters, those of the objective included.</summary>
    public IReadOnlyDictionary<string, Tensor> TrainedViews(Tensor flat) =>
        ViewsOf(flat, Entries.Where(entry => entry.Group != ParameterGroup.Frozen));

    private IEnumerable<FlatEntry> NetworkEntries => Entries.Where(entry => entry.Group != ParameterGroup.Objective);

    private static Dictionary<string, Tensor> ViewsOf(Tensor flat, IEnumerable<FlatEntry> entries) =>
        entries.ToDictionary(entry => entry.Name, entry => View(flat, entry).DetachFromDisposeScope(), StringComparer.Ordinal);

    /// <summary>Makes a network's parameters views of a flat buffer. Their values become the buffer's.</summary>
    /// <param name="network">A network of this layout, on the buffer's device.</param>
    /// <param name="flat">A float32 buffer of <see cref="Length"/> elements; it must outlive the network's use.</param>
    public void Bind(nn.Module network, Tensor flat)
    {
        ArgumentNullException.ThrowIfNull(network);
        Bind(network.named_parameters().ToDictionary(p => p.name, p => p.parameter, StringComparer.Ordinal), flat, NetworkEntries);
    }

    /// <summary>Makes parameters views of a flat buffer.</summary>
    internal static void Bind(IReadOnlyDictionary<string, Parameter> parameters, Tensor flat, IEnumerable<FlatEntry> entries)
    {
        using IDisposable noGradients = no_grad();
        foreach (FlatEntry entry in entries)
        {
            using Tensor view = View(flat, entry);
            parameters[entry.Name].set_(view);
        }
    }

    private static ParameterGroup GroupOf(Parameter value, ParameterTreatment treatment) =>
        !value.requires_grad || treatment.IsFrozen ? ParameterGroup.Frozen
        : treatment.Decays ? ParameterGroup.Decayed
        : ParameterGroup.Plain;

    /// <summary>Where the next parameter starts.</summary>
    public static long EndOf(FlatEntry entry) => entry.Offset + Aligned(entry.Length);

    /// <summary>The next multiple of <see cref="Alignment"/>.</summary>
    internal static long Aligned(long length) => (length + Alignment - 1) / Alignment * Alignment;

    private static FlatEntry Cut(FlatEntry entry, long from, long to)
    {
        long first = Math.Max(from, entry.Offset);
        long count = Math.Min(to, entry.Offset + entry.Length) - first;
        return entry with
        {
            Offset = first - from,
            Start = first - entry.Offset,
            Length = count,
            Shape = count == entry.Length ? entry.Shape : [count, .. entry.Shape.Skip(1).Select(_ => 1L)],
        };
    }

    private static long LengthOf(IReadOnlyList<FlatEntry> entries, params ParameterGroup[] groups) =>
        entries.Where(entry => groups.Contains(entry.Group)).Sum(entry => Aligned(entry.Length));
}
