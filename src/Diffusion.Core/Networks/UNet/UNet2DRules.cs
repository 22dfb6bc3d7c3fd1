using System.Globalization;

namespace Diffusion;

/// <summary>The rules for the options of a U-Net.</summary>
internal static class UNet2DRules
{
    private const int MaxLevels = 16;
    private const int MaxChannels = 65_536;

    /// <summary>Lists the broken rules: what, actual, expected and remedy.</summary>
    public static IReadOnlyList<string> Problems(UNet2DOptions o) =>
        o.BlockOutChannels is null || o.DownBlockTypes is null || o.UpBlockTypes is null
            ? ["block_out_channels, down_block_types and up_block_types must not be null, but have one entry per level."]
            : [.. Numbers(o).Concat(Choices(o)).Concat(Levels(o)).Concat(Channels(o)).Concat(UNet2DSkipRules.Problems(o))
                .Concat(Embeddings(o))];

    private static IEnumerable<string> Numbers(UNet2DOptions o)
    {
        (string Name, int? Value)[] counts =
        [
            ("sample_size (height)", o.SampleSize?.Height),
            ("sample_size (width)", o.SampleSize?.Width),
            ("in_channels", o.InChannels),
            ("out_channels", o.OutChannels),
            ("time_embedding_dim", o.TimeEmbeddingDim),
            ("layers_per_block", o.LayersPerBlock),
            ("attention_head_dim", o.AttentionHeadDim),
            ("norm_num_groups", o.NormNumGroups),
            ("attn_norm_num_groups", o.AttnNormNumGroups),
            ("num_class_embeds", o.NumClassEmbeds),
            ("num_train_timesteps", o.NumTrainTimesteps),
        ];
        foreach ((string name, int? value) in counts)
        {
            if (value < 1)
            {
                yield return $"{name} is {value}, but must be at least 1.";
            }
        }

        (string Name, int? Value)[] channels =
        [
            ("in_channels", o.InChannels),
            ("out_channels", o.OutChannels),
            ("time_embedding_dim", o.TimeEmbeddingDim),
            .. o.BlockOutChannels.Distinct().Take(MaxLevels).Select(c => ("block_out_channels", (int?)c)),
        ];
        foreach ((string name, int? value) in channels)
        {
            if (value > MaxChannels)
            {
                yield return $"{name} has {value} channels, but must have at most {MaxChannels}.";
            }
        }

        if (o.DownsamplePadding is not (0 or 1))
        {
            yield return $"downsample_padding is {o.DownsamplePadding}, but must be 0 or 1.";
        }

        if (!(o.Dropout is >= 0 and < 1))
        {
            yield return string.Create(CultureInfo.InvariantCulture, $"dropout is {o.Dropout}, but must be at least 0 and below 1.");
        }

        if (!(o.NormEps > 0 && double.IsFinite(o.NormEps)))
        {
            yield return string.Create(CultureInfo.InvariantCulture,
                $"norm_eps is {o.NormEps}, but must be a positive number such as 1e-5.");
        }

        if (o.MidBlockScaleFactor == 0 || !double.IsFinite(o.MidBlockScaleFactor))
        {
            yield return string.Create(CultureInfo.InvariantCulture,
                $"mid_block_scale_factor is {o.MidBlockScaleFactor}, but must be a number other than 0, usually 1.");
        }
    }

    private static IEnumerable<string> Choices(UNet2DOptions o) =>
    [
        .. Undefined("time_embedding_type", [o.TimeEmbeddingType]),
        .. Undefined("down_block_types", o.DownBlockTypes),
        .. Undefined("up_block_types", o.UpBlockTypes),
        .. Undefined("downsample_type", [o.DownsampleType]),
        .. Undefined("upsample_type", [o.UpsampleType]),
        .. Undefined("act_fn", [o.ActFn]),
        .. Undefined("resnet_time_scale_shift", [o.ResnetTimeScaleShift]),
        .. Undefined("class_embed_type", o.ClassEmbedType is { } type ? [type] : Array.Empty<ClassEmbedType>()),
    ];

    private static IEnumerable<string> Undefined<T>(string name, IEnumerable<T> choices)
        where T : struct, Enum =>
        choices.Where(choice => !Enum.IsDefined(choice)).Distinct()
            .Select(choice => $"{name} has {choice}, but must have one of {string.Join(", ", Enum.GetNames<T>())}.");

    private static IEnumerable<string> Levels(UNet2DOptions o)
    {
        int levels = o.BlockOutChannels.Count;
        if (levels is < 1 or > MaxLevels)
        {
            yield return $"block_out_channels has {levels} numbers, but must have 1 to {MaxLevels}, one per level.";
        }

        if (o.DownBlockTypes.Count != levels || o.UpBlockTypes.Count != levels)
        {
            yield return $"block_out_channels has {levels} levels, down_block_types {o.DownBlockTypes.Count} and up_block_types "
                + $"{o.UpBlockTypes.Count}, but all three must have the same number.";
        }
    }

    private static IEnumerable<string> Channels(UNet2DOptions o)
    {
        foreach (int channels in o.BlockOutChannels.Distinct().Take(MaxLevels))
        {
            if (channels < 1)
            {
                yield return $"block_out_channels has {channels}, but channels must be at least 1.";
            }
            else if (o.NormNumGroups > 0 && channels % o.NormNumGroups != 0 && UNet2DSkipRules.HaveGroupsOfTheNetwork(o, channels))
            {
                yield return $"block_out_channels has {channels}, but must have multiples of norm_num_groups ({o.NormNumGroups}).";
            }
        }

        if (HasMidAttention(o) && !o.AttentionLegacyOrder && o.AttnNormNumGroups is > 0 and int groups
            && o.BlockOutChannels[^1] % groups != 0)
        {
            yield return $"attn_norm_num_groups is {groups}, but must divide the last of block_out_channels ({o.BlockOutChannels[^1]}).";
        }

        int minChannels = AttentionChannels(o).DefaultIfEmpty(int.MaxValue).Min();
        if (o.AttentionHeadDim is int head && minChannels < head)
        {
            yield return $"attention_head_dim is {head}, but a level with attention has only {minChannels} channels. Use at most "
                + $"{minChannels}, or null for one head.";
        }
    }

    private static IEnumerable<string> Embeddings(UNet2DOptions o)
    {
        if (o.BlockOutChannels.Count > 0
            && o.TimeEmbeddingType == TimeEmbeddingType.Positional
            && o.BlockOutChannels[0] / 2 is > 0 and int frequencies
            && o.FreqShift == frequencies)
        {
            yield return string.Create(CultureInfo.InvariantCulture,
                $"freq_shift is {o.FreqShift}, which divides by zero with {frequencies} frequencies (half the first of ")
                + "block_out_channels). Use 0.";
        }

        if (!double.IsFinite(o.FreqShift))
        {
            yield return string.Create(CultureInfo.InvariantCulture, $"freq_shift is {o.FreqShift}, but must be a number, usually 0 or 1.");
        }

        if (o.TimeEmbeddingType == TimeEmbeddingType.Learned && o.NumTrainTimesteps is null)
        {
            yield return "num_train_timesteps is null, but a learned time embedding needs the number of its vectors. Set it to the "
                + "timesteps of the schedule, usually 1000.";
        }
    }

    private static bool HasMidAttention(UNet2DOptions o) => o.HasMidBlock && o.AddAttention && o.BlockOutChannels.Count > 0;

    private static IEnumerable<int> AttentionChannels(UNet2DOptions o)
    {
        IEnumerable<int> down = o.BlockOutChannels.Zip(o.DownBlockTypes)
            .Where(level => level.Second.HasAttention())
            .Select(level => level.First);
        IEnumerable<int> up = o.BlockOutChannels.Reverse().Zip(o.UpBlockTypes)
            .Where(level => level.Second.HasAttention())
            .Select(level => level.First);
        return HasMidAttention(o) ? down.Concat(up).Append(o.BlockOutChannels[^1]) : down.Concat(up);
    }
}
