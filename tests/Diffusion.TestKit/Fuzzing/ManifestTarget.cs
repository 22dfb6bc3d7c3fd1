using Diffusion.Data;
using Diffusion.Training;

namespace Diffusion.TestKit.Fuzzing;

/// <summary>The manifest of a checkpoint. In most inputs the hash is corrected, so that the parser reads past it.</summary>
internal sealed class ManifestTarget() : FuzzTarget(
    CheckpointFiles.MaxManifest,
    problem => (problem as CheckpointDamageException)?.Reason ?? (problem as CheckpointException)?.Message,
    "does not match its sha256", "has format version", "a number is out of range", "a file or an average is null",
        "an invalid name or size",
    "are not in ascending order", "it lists the files", "is not valid for this version")
{
    private const int MaxDamages = 2;

    private static readonly JsonSeed[] Files = [.. MakeFiles()];

    private bool isReadTwice;

    private protected override long MaxBytes => (64 * Input.Length) + (1 << 20);

    private protected override void Make(ref SplitMix64 random)
    {
        JsonSeed seed = Files[random.Below(Files.Length)];
        int draw = random.Below(1 << 14);
        isReadTwice = draw % 64 == 0;
        if (draw == 1)
        {
            seed.Write(Input, 0, ref random);
            seed.Flood(Input, CheckpointFiles.MaxManifest, ref random);
        }
        else
        {
            seed.Write(Input, (random.Below(8) == 0 ? 0 : 1) + random.Below(MaxDamages), ref random);
            if (random.Below(8) == 0)
            {
                Input.Damage(ref random, Files[random.Below(Files.Length)].Bytes);
            }
        }

        if (random.Below(8) != 0 && ManifestSeal.IsThere(Input.Span))
        {
            ManifestSeal.Close(Input.Span);
        }
    }

    private protected override string? Read(ref string kind)
    {
        CheckpointManifest manifest = CheckpointFormat.Read(Input.Span, "input");
        if (manifest.Problem is not null || manifest.FormatVersion != CheckpointManifest.CurrentVersion || manifest.Options.Loading is null)
        {
            return $"It holds {manifest}.";
        }

        if (!isReadTwice)
        {
            return null;
        }

        if (Input.Length > CheckpointFiles.MaxManifest / 8)
        {
            return null; // With indentation it can be larger than a written manifest.
        }

        byte[] written = CheckpointFormat.Write(manifest);
        return CheckpointFormat.Write(CheckpointFormat.Read(written, "input")).AsSpan().SequenceEqual(written)
            ? null
            : "It changes when it is written and read again.";
    }

    private static IEnumerable<JsonSeed> MakeFiles()
    {
        TorchBackend.EnsureLoaded();
        TrainingOptions options = new() { RunFolder = "run", AdditionalEma = ["warmup(max-decay: 0.5)", "half-life"],
            TimeLimit = TimeSpan.FromHours(1), MicroBatchSize = 8 };
        foreach ((long step, double[] decays, TrainingOptions of) in ((long, double[], TrainingOptions)[])[(0, [], new()),
            (7, [0.9999], options), (1L << 40, [0.9999, 0.999, 0.5], new())])
        {
            using SampleCheckpoint sample = new(step, elements: 1, heldOutLoss: step == 7 ? 0.125 : null);
            IReadOnlyList<CheckpointAverage> averages = CheckpointFormat.AveragesOf([.. decays.Select(decay => EmaLaw.Warmup(decay))]);
            byte[] file = CheckpointFormat.Write(sample.Value.Manifest with
            {
                Averages = averages,
                Options = of,
                DataExtents = [.. decays.Select((_, place) => new DataExtent(place * 64L, 100 + place, new string('b', 64)))
                    .DefaultIfEmpty(new DataExtent(0, 1, string.Empty))],
                Files = [.. ((string[])[CheckpointFiles.Weights, CheckpointFormat.OptimizerFile,
                    .. averages.Select(average => average.File)])
                    .Select((name, place) => new CheckpointFile(name, 256 << place, new string('a', 64)))],
            });
            yield return new JsonSeed(
                file, 0, file.Length, "\"formatVersion\": 1,", "\"formatVersion\"", "\"step\"", "\"step\": 3,", "\"Step\": 3,",
                    "\"unknown\": [{}],", "\"options\"", "\"loading\"", "\"position\"",
                        "{\"position\": 70, \"count\": 200, \"fingerprint\": \"\"},",
                "\"Cosine\"", "\"Epsilon\"", "\"Sample\"", "\"00:00:01\"", "\"99999999.00:00:00\"", "\"a/b\"", "\"weights.safetensors\"",
                    "{\"decay\": 0.5, \"file\": \"x\"},", "{\"law\": \"warmup\", \"file\": \"x\"},", "null,", "null,", "null,");
        }
    }
}
