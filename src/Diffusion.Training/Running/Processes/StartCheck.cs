using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Diffusion.Training;

/// <summary>Checks that all processes were started with the same run: options, parts, images, parameters and versions.</summary>
internal static class StartCheck
{
    // What may differ: paths, how images are read, and the time limit, on which the processes agree at each step.
    private static readonly string[] MayDiffer = ["runFolder", "initialWeights", "timeLimit"];
    private static readonly string[] LoadingMayDiffer = ["workers", "prefetch"];

    /// <summary>Throws on every process if two processes differ.</summary>
    /// <param name="exchange">The processes.</param>
    /// <param name="state">The state of this process before it resumes.</param>
    /// <param name="samples">The images that the processes sample together.</param>
    /// <exception cref="DistributedException">Two processes differ. The message names the first difference.</exception>
    public static void Compare(RankExchange exchange, TrainingState state, IReadOnlyList<ISharedSamples> samples)
    {
        JsonObject own = Describe(state);
        own["samples"] = samples.Count == 0 ? null : string.Join("; ", samples.Select(each => each.Description));
        Compare(exchange, own);
    }

    /// <summary>Throws on every process if two processes differ.</summary>
    /// <param name="exchange">The processes.</param>
    /// <param name="own">What this process was started with.</param>
    /// <exception cref="DistributedException">Two processes differ. The message names the first difference.</exception>
    public static void Compare(RankExchange exchange, JsonObject own)
    {
        IReadOnlyList<byte[]> all = exchange.Gather(Encoding.UTF8.GetBytes(own.ToJsonString()));
        for (int rank = 1; rank < all.Count; rank++)
        {
            if (all[rank].AsSpan().SequenceEqual(all[0]))
            {
                continue;
            }

            (string name, string first, string other) = JsonDifferences.Of(Parse(all[0]), Parse(all[rank])).First();
            throw new DistributedException(
                $"The processes cannot train together: {name} is {first} on rank 0 and {other} on rank {rank}. Start every process with "
                + "the same program, options, model and images.");
        }
    }

    /// <summary>What must be the same on all processes of a run.</summary>
    /// <param name="manifest">The run of one process.</param>
    internal static JsonObject Comparable(CheckpointManifest manifest)
    {
        JsonObject run = JsonSerializer.SerializeToNode(manifest, CheckpointJson.Default.CheckpointManifest)!.AsObject();
        run.Remove("data"); // contains paths; the extents identify the images
        string kind = manifest.Device.Split(':')[0]; // each process has another GPU
        run["device"] = kind;
        if (kind != "cpu")
        {
            run.Remove("cpuThreads"); // they change no result of a GPU
        }

        JsonObject options = run["options"]!.AsObject();
        options["savesRun"] = options["runFolder"] is not null;
        foreach (string name in MayDiffer)
        {
            options.Remove(name);
        }

        foreach (string name in LoadingMayDiffer)
        {
            options["loading"]!.AsObject().Remove(name);
        }

        return run;
    }

    private static JsonObject Describe(TrainingState state)
    {
        JsonObject run = Comparable(state.Manifest());
        JsonObject parameters = [];
        foreach (FlatEntry entry in state.Parameters.Layout.Entries)
        {
            parameters[entry.Name] = $"{state.Parameters.Values.dtype} [{string.Join(", ", entry.Shape)}]"
                + (entry.Group == ParameterGroup.Frozen ? " frozen" : string.Empty);
        }

        run["parameters"] = parameters;
        run["shardOptimizer"] = state.Shards is not null;
        return run;
    }

    private static JsonObject Parse(byte[] text) => JsonNode.Parse(text)!.AsObject();
}
