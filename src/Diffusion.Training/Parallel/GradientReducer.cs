using System.Runtime.ExceptionServices;
using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Training;

/// <summary>
/// Adds the gradients of all processes while the backward pass runs: each bucket is reduced as soon as its gradients are complete, in the
/// same order on every process, and the rest after the backward pass.
/// </summary>
/// <remarks>
/// The first two backward passes are rehearsals that reduce nothing until they end. They find the order in which buckets become complete,
/// which all processes then use, and the buckets that changed after they seemed complete (parameters that are also used outside the call
/// of their layer), which are always reduced after the backward pass. A pass that gives a parameter only zeros, like the first one before a
/// last layer that begins with zeros, cannot tell: the next passes are rehearsals too, and what they cannot tell either is reduced after
/// the backward pass. Where only one bucket could start earlier, it would be about when the pass ends: layers are then marked no longer. A
/// layer whose weights another module uses without calling it, like the convolution of <c>Upsample</c> on a CPU, is complete when that
/// module is.
/// </remarks>
internal sealed class GradientReducer : IDisposable
{
    private const int Never = int.MaxValue;
    private const int MinRehearsals = 2;
    private const int MaxRehearsals = 10;

    private readonly IProcessGroup group;
    private readonly RankExchange exchange;
    private readonly LayerMarks marks;
    private readonly Tensor[] views;
    private readonly Tensor[][] parts;
    private readonly int[] layersOfBucket;
    private readonly int[][] bucketsOfLayer;
    private readonly int[][] layersWithin;
    private readonly int[] waitsFor;
    private readonly bool[] isReady;
    private readonly List<IPendingOperation> pending = [];
    private readonly List<(int Bucket, long Checksum)> rehearsed = [];
    private readonly Rehearsals rehearsals;
    private int[] order;
    private int next;
    private bool hasRun;

    /// <param name="group">The processes.</param>
    /// <param name="parameters">The parameters whose gradients are added.</param>
    /// <param name="network">The network that has them.</param>
    /// <param name="bucketBytes">The size of a bucket.</param>
    public GradientReducer(IProcessGroup group, FlatParameters parameters, nn.Module network, long bucketBytes)
    {
        this.group = group;
        exchange = new RankExchange(group, parameters.Gradients.device);
        IReadOnlyList<GradientBucket> buckets = GradientBucket.Of(parameters.Layout, bucketBytes, parameters.Gradients.ElementSize);
        Dictionary<string, FlatEntry> entries = parameters.Layout.Entries.ToDictionary(entry => entry.Name, StringComparer.Ordinal);
        views = [.. buckets.Select(bucket => ViewOf(bucket.Offset, bucket.Length))];
        parts = [.. buckets.Select(bucket => bucket.Parameters
            .Select(name => ViewOf(entries[name].Offset, entries[name].Length)).ToArray())];
        rehearsals = new Rehearsals(views.Length, MinRehearsals, MaxRehearsals);
        order = [.. Enumerable.Range(0, views.Length)];
        waitsFor = new int[views.Length];
        isReady = new bool[views.Length];

        // The parameters without weight decay belong to all layers: their bucket is complete when the backward pass ends.
        Dictionary<IntPtr, string> names = network.named_parameters().ToDictionary(p => p.parameter.Handle, p => p.name);
        HashSet<string> decayed = [.. parameters.Layout.Entries.Where(entry => entry.Group == ParameterGroup.Decayed)
            .Select(entry => entry.Name)];
        (nn.Module<Tensor, Tensor> Module, string[] Parameters)[] layers =
        [
            .. network.modules().OfType<nn.Module<Tensor, Tensor>>()
                .Select(module => (module, Parameters: DecayedOf(module)))
                .Where(layer => layer.Parameters.Length > 0 || layer.module.children().Any(child => DecayedOf(child).Length > 0)),
        ];
        layersWithin = [.. layers.Select(layer => layer.Module.children()
            .Select(child => Array.FindIndex(layers, one => ReferenceEquals(one.Module, child))).Where(child => child >= 0).ToArray())];
        HashSet<string> marked = [.. layers.SelectMany(layer => layer.Parameters)];
        bucketsOfLayer = [.. layers.Select(layer => Enumerable.Range(0, buckets.Count)
            .Where(bucket => layer.Parameters.Any(buckets[bucket].Parameters.Contains)).ToArray())];
        layersOfBucket = [.. Enumerable.Range(0, buckets.Count).Select(bucket => buckets[bucket].Parameters.All(marked.Contains)
            ? bucketsOfLayer.Count(inBuckets => inBuckets.Contains(bucket))
            : Never)];
        marks = new LayerMarks([.. layers.Select(layer => layer.Module)], OnLayer);

        string[] DecayedOf(nn.Module module) =>
            [.. module.parameters(recurse: false).Select(parameter => names[parameter.Handle]).Where(decayed.Contains)];

        Tensor ViewOf(long offset, long length) => parameters.Gradients.narrow(0, offset, length).DetachFromDisposeScope();
    }

    /// <summary>The processes.</summary>
    public RankExchange Exchange => exchange;

    /// <summary>The number of buckets.</summary>
    public int Buckets => views.Length;

    /// <summary>Whether layers are marked, which takes a few percent of the step of a small network.</summary>
    public bool IsMarking { get; private set; } = true;

    /// <summary>The number of buckets whose reduction started before the last backward pass ended.</summary>
    public int Overlapped { get; private set; }

    /// <summary>Starts the forward pass of the last micro-batch of a step.</summary>
    public void BeginForward()
    {
        if (IsMarking)
        {
            layersOfBucket.CopyTo(waitsFor, 0);
            marks.BeginForward();
        }
    }

    /// <summary>Starts the backward pass of the last micro-batch of a step, from which on gradients are reduced.</summary>
    public void BeginBackward()
    {
        hasRun = true;
        if (IsMarking)
        {
            marks.BeginBackward();
        }
    }

    /// <summary>Reduces the remaining buckets, and waits until the gradients are the sums over all processes.</summary>
    public void Finish()
    {
        marks.End();
        if (marks.Failure is { } failure)
        {
            ExceptionDispatchInfo.Throw(failure);
        }

        RehearsedBucket[] own = rehearsals.AreOver ? [] : Rehearsed();
        Overlapped = next;
        Array.Fill(isReady, true);
        StartReady();
        foreach (IPendingOperation operation in pending)
        {
            operation.Wait();
            operation.Dispose();
        }

        pending.Clear();
        next = 0;
        Array.Clear(isReady);
        if (!rehearsals.AreOver)
        {
            AgreeOnOrder(own);
        }

        hasRun = false;
    }

    public void Dispose()
    {
        marks.Dispose();
        pending.ForEach(operation => operation.Dispose());
        Array.ForEach(views, view => view.Dispose());
        Array.ForEach(parts, bucket => Array.ForEach(bucket, view => view.Dispose()));
    }

    private void OnLayer(int layer)
    {
        foreach (int within in layersWithin[layer])
        {
            if (!marks.WasCalled(within))
            {
                OnLayer(within);
            }
        }

        foreach (int bucket in bucketsOfLayer[layer])
        {
            if (waitsFor[bucket] == Never || --waitsFor[bucket] > 0)
            {
                continue;
            }

            if (!rehearsals.AreOver)
            {
                rehearsed.Add((bucket, FlatChecksum.Of(views[bucket])));
            }
            else
            {
                isReady[bucket] = true;
                StartReady();
            }
        }
    }

    // Only the agreed order is the same on all processes: a bucket waits for those before it.
    private void StartReady()
    {
        for (; next < order.Length && isReady[order[next]]; next++)
        {
            pending.Add(group.AllReduce(views[order[next]]));
        }
    }

    // What this process has seen, before other processes' gradients are added.
    private RehearsedBucket[] Rehearsed()
    {
        bool[] haveGradients = HaveGradients();
        return [.. Enumerable.Range(0, views.Length).Select(bucket => new RehearsedBucket(
            rehearsed.FindIndex(seen => seen.Bucket == bucket),
            rehearsed.Exists(seen => seen.Bucket == bucket && seen.Checksum != FlatChecksum.Of(views[bucket])),
            haveGradients[bucket]))];
    }

    // Whether all parameters of a bucket have gradients other than zeros.
    private bool[] HaveGradients()
    {
        using IDisposable noGradients = no_grad();
        using DisposeScope scope = NewDisposeScope();
        Tensor have = stack([.. parts.Select(bucket => stack([.. bucket.Select(part => part.any())]).all())]); // [buckets]
        return have.ToHost().data<bool>().ToArray();
    }

    // A process without images in its last micro-batch has rehearsed nothing: then all processes rehearse again.
    private void AgreeOnOrder(RehearsedBucket[] own)
    {
        IReadOnlyList<long[]> all = exchange.Gather([hasRun ? 1 : 0, .. own.SelectMany(bucket => bucket.ToNumbers())]);
        rehearsed.Clear();
        if (all.Any(one => one[0] == 0))
        {
            return;
        }

        rehearsals.Add([.. all.Select(one => RehearsedBucket.Read(one[1..]))]);
        order = [.. rehearsals.Order()];
        for (int bucket = 0; rehearsals.AreOver && bucket < views.Length; bucket++)
        {
            layersOfBucket[bucket] = rehearsals.IsLate(bucket) ? Never : layersOfBucket[bucket];
        }

        IsMarking = !rehearsals.AreOver || rehearsals.EarlyCount > 1;
    }
}
