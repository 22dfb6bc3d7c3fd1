using System.Globalization;
using System.Text;
using System.Text.Json;
using static Diffusion.JsonValues;

namespace Diffusion;

/// <summary>The config.json of diffusers' UNet2DModel: one table of keys, how each is read and how it is written.</summary>
internal static class UNet2DJson
{
    private const string ClassName = "UNet2DModel";
    private const string MidBlockName = "UNetMidBlock2D";
    private const string TimeEmbedding = "time_embedding_type";
    private const string LegacyOrder = "attention_legacy_order";

    // diffusers once prefixed the names of its blocks.
    private const string OldBlockPrefix = "UNetRes";

    // Keys that diffusers' EMAModel adds to the options of the averaged network.
    private static readonly string[] NotesOfAverages =
        ["decay", "inv_gamma", "power", "min_decay", "optimization_step", "update_after_step", "use_ema_warmup"];

    private static readonly JsonKey<UNet2DOptions>[] Keys =
    [
        new("sample_size", (o, v) => o with { SampleSize = OrNull(v, Size) }, (w, o) => WriteSize(w, o.SampleSize)),
        new("in_channels", (o, v) => o with { InChannels = Integer(v) }, (w, o) => w.WriteNumberValue(o.InChannels)),
        new("out_channels", (o, v) => o with { OutChannels = Integer(v) }, (w, o) => w.WriteNumberValue(o.OutChannels)),
        new("center_input_sample", (o, v) => o with { CenterInputSample = Flag(v) }, (w, o) => w.WriteBooleanValue(o.CenterInputSample)),
        new(TimeEmbedding, (o, v) =>
            o with { TimeEmbeddingType = IsAdm(v) ? TimeEmbeddingType.Positional : Choice<TimeEmbeddingType>(v) }, (w, o) =>
                w.WriteStringValue(Name(o.TimeEmbeddingType))),
        new("time_embedding_dim", (o, v) =>
            o with { TimeEmbeddingDim = OrNull(v, Integer) }, (w, o) => WriteInteger(w, o.TimeEmbeddingDim)),
        new("freq_shift", (o, v) => o with { FreqShift = Number(v) }, (w, o) => WriteNumber(w, o.FreqShift)),
        new("flip_sin_to_cos", (o, v) => o with { FlipSinToCos = Flag(v) }, (w, o) => w.WriteBooleanValue(o.FlipSinToCos)),
        new("down_block_types", (o, v) =>
            o with { DownBlockTypes = Items(v, Choice<DownBlockType>) }, (w, o) =>
                WriteItems(w, o.DownBlockTypes, t => w.WriteStringValue(Name(t)))),
        new("mid_block_type", (o, v) =>
            o with { HasMidBlock = MidBlock(v) }, (w, o) => w.WriteStringValue(o.HasMidBlock ? MidBlockName : null)),
        new("up_block_types", (o, v) =>
            o with { UpBlockTypes = Items(v, Choice<UpBlockType>) }, (w, o) =>
                WriteItems(w, o.UpBlockTypes, t => w.WriteStringValue(Name(t)))),
        new("block_out_channels", (o, v) =>
            o with { BlockOutChannels = Items(v, Integer) }, (w, o) => WriteItems(w, o.BlockOutChannels, w.WriteNumberValue)),
        new("layers_per_block", (o, v) => o with { LayersPerBlock = Integer(v) }, (w, o) => w.WriteNumberValue(o.LayersPerBlock)),
        new("mid_block_scale_factor", (o, v) =>
            o with { MidBlockScaleFactor = Number(v) }, (w, o) => WriteNumber(w, o.MidBlockScaleFactor)),
        new("downsample_padding", (o, v) => o with { DownsamplePadding = Integer(v) }, (w, o) => w.WriteNumberValue(o.DownsamplePadding)),
        new("downsample_type", (o, v) =>
            o with { DownsampleType = OrNull(v, Choice<ResamplingType>) ?? ResamplingType.Conv }, (w, o) =>
                w.WriteStringValue(Name(o.DownsampleType))),
        new("upsample_type", (o, v) =>
            o with { UpsampleType = OrNull(v, Choice<ResamplingType>) ?? ResamplingType.Conv }, (w, o) =>
                w.WriteStringValue(Name(o.UpsampleType))),
        new("dropout", (o, v) => o with { Dropout = Number(v) }, (w, o) => WriteNumber(w, o.Dropout)),
        new("act_fn", (o, v) => o with { ActFn = ActivationOf(v) }, (w, o) => w.WriteStringValue(Name(o.ActFn))),
        new("attention_head_dim", (o, v) =>
            o with { AttentionHeadDim = OrNull(v, Integer) }, (w, o) => WriteInteger(w, o.AttentionHeadDim)),
        new("norm_num_groups", (o, v) => o with { NormNumGroups = Integer(v) }, (w, o) => w.WriteNumberValue(o.NormNumGroups)),
        new("attn_norm_num_groups", (o, v) =>
            o with { AttnNormNumGroups = OrNull(v, Integer) }, (w, o) => WriteInteger(w, o.AttnNormNumGroups)),
        new("norm_eps", (o, v) => o with { NormEps = Number(v) }, (w, o) => WriteNumber(w, o.NormEps)),
        new("resnet_time_scale_shift", (o, v) =>
            o with { ResnetTimeScaleShift = Choice<TimeScaleShift>(v) }, (w, o) => w.WriteStringValue(Name(o.ResnetTimeScaleShift))),
        new("add_attention", (o, v) => o with { AddAttention = Flag(v) }, (w, o) => w.WriteBooleanValue(o.AddAttention)),
        new("class_embed_type", (o, v) =>
            o with { ClassEmbedType = OrNull(v, Choice<ClassEmbedType>) }, (w, o) =>
                w.WriteStringValue(o.ClassEmbedType is { } t ? Name(t) : null)),
        new("num_class_embeds", (o, v) => o with { NumClassEmbeds = OrNull(v, Integer) }, (w, o) => WriteInteger(w, o.NumClassEmbeds)),
        new("num_train_timesteps", (o, v) =>
            o with { NumTrainTimesteps = OrNull(v, Integer) }, (w, o) => WriteInteger(w, o.NumTrainTimesteps)),
        new(LegacyOrder, (o, v) => o with { AttentionLegacyOrder = Flag(v) }),
    ];

    /// <summary>Reads options.</summary>
    /// <exception cref="FormatException">Names every key and value that is not supported.</exception>
    public static UNet2DOptions Read(string json)
    {
        using JsonDocument document = Parse(json);
        List<string> problems = [];
        UNet2DOptions options = JsonKeys.Read(document.RootElement, new UNet2DOptions(), Keys, IsNote, problems);
        if (document.RootElement.TryGetProperty(TimeEmbedding, out JsonElement type) && IsAdm(type))
        {
            options = options with { FlipSinToCos = true, FreqShift = 0 };
        }

        problems.AddRange(options.Problems());
        return problems.Count == 0 ? options : throw JsonKeys.Refuse(ClassName, problems);
    }

    /// <summary>Writes options: every key, always in the same order.</summary>
    public static string Write(UNet2DOptions options)
    {
        using MemoryStream stream = new();
        using (Utf8JsonWriter writer = new(stream))
        {
            writer.WriteStartObject();
            writer.WriteString("_class_name", ClassName);
            JsonKeys.Write(writer, options, Keys);
            if (options.AttentionLegacyOrder)
            {
                // Not written if false: released versions of diffusers do not know it.
                writer.WriteBoolean(LegacyOrder, value: true);
            }

            writer.WriteEndObject();
        }

        return Encoding.UTF8.GetString(stream.GetBuffer().AsSpan(0, (int)stream.Length));
    }

    // A leading underscore marks diffusers' metadata of the file, such as its version.
    private static bool IsNote(JsonProperty property) =>
        property.Name == "_class_name" && Text(property.Value) != ClassName
            ? throw new FormatException($"must be \"{ClassName}\".")
            : property.Name.StartsWith('_') || NotesOfAverages.Contains(property.Name);

    // The name of the positional embedding with its defaults in converted guided-diffusion models, which also have the legacy order.
    private static bool IsAdm(JsonElement type) => type.ValueKind == JsonValueKind.String && type.GetRawText() == "\"adm\"";

    private static SampleSize Size(JsonElement value)
    {
        if (value.ValueKind != JsonValueKind.Array)
        {
            return Integer(value);
        }

        return Items(value, Integer) is [int height, int width]
            ? new SampleSize(height, width)
            : throw new FormatException("must be one integer, or an array of height and width.");
    }

    private static bool MidBlock(JsonElement value) =>
        value.ValueKind != JsonValueKind.Null
        && (Text(value) == MidBlockName ? true : throw new FormatException($"must be \"{MidBlockName}\" or null."));

    private static Activation ActivationOf(JsonElement value) =>
        Text(value).ToLowerInvariant() is var name && name == "swish" ? Activation.Silu : ChoiceOf<Activation>(name, Name);

    private static T Choice<T>(JsonElement value)
        where T : struct, Enum
    {
        string name = Text(value);
        return ChoiceOf<T>(name.StartsWith(OldBlockPrefix, StringComparison.Ordinal) ? name[OldBlockPrefix.Length..] : name, Name);
    }

    // Blocks keep the names of diffusers' classes; all other choices are snake_case.
    private static string Name<T>(T choice)
        where T : struct, Enum => choice is DownBlockType or UpBlockType ? choice.ToString() : SnakeCase(choice);

    private static void WriteInteger(Utf8JsonWriter writer, int? value)
    {
        if (value is int number)
        {
            writer.WriteNumberValue(number);
        }
        else
        {
            writer.WriteNullValue();
        }
    }

    // JSON has no infinities, but equality and messages need a text for every value.
    private static void WriteNumber(Utf8JsonWriter writer, double value)
    {
        if (double.IsFinite(value))
        {
            writer.WriteNumberValue(value);
        }
        else
        {
            writer.WriteStringValue(value.ToString(CultureInfo.InvariantCulture));
        }
    }

    private static void WriteSize(Utf8JsonWriter writer, SampleSize? size)
    {
        if (size is { } s && s.Height != s.Width)
        {
            WriteItems(writer, [s.Height, s.Width], writer.WriteNumberValue);
        }
        else
        {
            WriteInteger(writer, size?.Height);
        }
    }

    private static void WriteItems<T>(Utf8JsonWriter writer, IEnumerable<T> items, Action<T> write)
    {
        writer.WriteStartArray();
        foreach (T item in items)
        {
            write(item);
        }

        writer.WriteEndArray();
    }
}
