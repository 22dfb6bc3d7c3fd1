using System.Text;

namespace Diffusion.TestKit.Fuzzing;

/// <summary>The configurations in a diffusers folder: network, scheduler and pipeline.</summary>
internal sealed class ConfigTarget() : FuzzTarget(
    1 << 20,
    problem => (problem as DiffusersFolderException)?.Reason,
    "is not valid UTF-8", "is not valid JSON", "must be a JSON object", "This UNet2DModel", "Scheduler is not supported:",
        "This pipeline", "the scheduler \"",
    "_class_name is missing", "Both must be the same", "_class_name is")
{
    private const int MaxDamages = 2;

    private static readonly DiffusersIndex?[] Indexes = [null, null, new("DDPMPipeline", "DDPMScheduler"),
        new("DDIMPipeline", "DDIMScheduler")];

    private ConfigSeed seed = ConfigSeed.All[0];
    private DiffusersIndex? index;
    private bool isReadTwice;

    private protected override long MaxBytes => (64 * Input.Length) + (1 << 20);

    private protected override void Make(ref SplitMix64 random)
    {
        seed = ConfigSeed.All[random.Below(ConfigSeed.All.Length)];
        index = Indexes[random.Below(Indexes.Length)];
        int draw = random.Below(1 << 14);
        isReadTwice = draw % 64 == 0;
        if (draw == 1)
        {
            seed.Json.Write(Input, 0, ref random);
            seed.Json.Flood(Input, 1 << 20, ref random);
            return;
        }

        seed.Json.Write(Input, (random.Below(8) == 0 ? 0 : 1) + random.Below(MaxDamages), ref random);
        if (random.Below(8) == 0)
        {
            Input.Damage(ref random, ConfigSeed.All[random.Below(ConfigSeed.All.Length)].Json.Bytes);
        }
    }

    private protected override string? Read(ref string kind) => seed.File switch
    {
        ConfigFile.UNet => ReadUNet(),
        ConfigFile.Scheduler => ReadScheduler(),
        _ => DiffusersFiles.Parse("input", Input.Span, DiffusersIndex.Read) is { Pipeline: not null, Scheduler: not null } read
            && DiffusersSchedulerClasses.Find(read.SamplingScheduler) is not null
            ? null
            : "The index names no pipeline or scheduler.",
    };

    private string? ReadUNet()
    {
        UNet2DOptions options = DiffusersFiles.Parse("input", Input.Span, UNet2DOptions.FromJson);
        return options.Problems().Count > 0 ? "No network can be built with it."
            : isReadTwice
                && !UNet2DOptions.FromJson(Encoding.UTF8.GetString(DiffusersConfig.UNet(options)))
                    .Equals(options) ? "It changes when it is written and read again."
            : null;
    }

    private string? ReadScheduler()
    {
        DiffusersScheduler scheduler = DiffusersFiles.Parse("input", Input.Span, json => DiffusersSchedulerJson.Read(json, index));
        if (scheduler.Problems().Count > 0)
        {
            return "It has no meaning.";
        }

        if (!isReadTwice)
        {
            return null;
        }

        byte[] written = DiffusersSchedulerJson.Write(scheduler);
        DiffusersScheduler again = DiffusersFiles.Parse("input", written, json => DiffusersSchedulerJson.Read(json, index: null));
        return DiffusersSchedulerJson.Write(again).AsSpan().SequenceEqual(written)
            ? null
            : "It changes when it is written and read again.";
    }
}
