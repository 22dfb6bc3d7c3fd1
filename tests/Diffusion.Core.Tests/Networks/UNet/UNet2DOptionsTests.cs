using System.Globalization;

namespace Diffusion.Core.Tests.Networks;

public sealed class UNet2DOptionsTests
{
    [Fact]
    public void An_empty_configuration_has_the_defaults_of_diffusers()
    {
        UNet2DOptions options = UNet2DOptions.FromJson("{}");
        options.Should().Be(new UNet2DOptions());
        options.BlockOutChannels.Should().Equal(224, 448, 672, 896);
        options.AttentionHeadDim.Should().Be(8);
    }

    [Fact]
    public void Every_option_survives_JSON()
    {
        UNet2DOptions options = new()
        {
            SampleSize = new SampleSize(8, 16),
            InChannels = 1,
            OutChannels = 2,
            CenterInputSample = true,
            TimeEmbeddingType = TimeEmbeddingType.Fourier,
            TimeEmbeddingDim = 20,
            FreqShift = 0.5,
            FlipSinToCos = false,
            DownBlockTypes = [DownBlockType.ResnetDownsampleBlock2D, DownBlockType.AttnDownBlock2D],
            HasMidBlock = false,
            UpBlockTypes = [UpBlockType.ResnetUpsampleBlock2D, UpBlockType.AttnUpBlock2D],
            BlockOutChannels = [8, 12],
            LayersPerBlock = 3,
            MidBlockScaleFactor = 1.5,
            DownsamplePadding = 0,
            DownsampleType = ResamplingType.Resnet,
            UpsampleType = ResamplingType.Resnet,
            Dropout = 0.1,
            ActFn = Activation.Mish,
            AttentionHeadDim = null,
            NormNumGroups = 4,
            AttnNormNumGroups = 2,
            NormEps = 1e-6,
            ResnetTimeScaleShift = TimeScaleShift.ScaleShift,
            AddAttention = false,
            ClassEmbedType = ClassEmbedType.Identity,
            NumClassEmbeds = 7,
            NumTrainTimesteps = 1000,
            AttentionLegacyOrder = true,
        };
        UNet2DOptions back = UNet2DOptions.FromJson(options.ToJson());
        back.Should().Be(options);
        back.GetHashCode().Should().Be(options.GetHashCode());
        back.ToJson().Should().Be(
            """{"_class_name":"UNet2DModel","sample_size":[8,16],"in_channels":1,"out_channels":2,"center_input_sample":true"""
            + ""","time_embedding_type":"fourier","time_embedding_dim":20,"freq_shift":0.5,"flip_sin_to_cos":false"""
            + ""","down_block_types":["ResnetDownsampleBlock2D","AttnDownBlock2D"],"mid_block_type":null"""
            + ""","up_block_types":["ResnetUpsampleBlock2D","AttnUpBlock2D"],"block_out_channels":[8,12],"layers_per_block":3"""
            + ""","mid_block_scale_factor":1.5,"downsample_padding":0"""
            + ""","downsample_type":"resnet","upsample_type":"resnet","dropout":0.1,"act_fn":"mish","attention_head_dim":null"""
            + ""","norm_num_groups":4,"attn_norm_num_groups":2,"norm_eps":1E-06"""
            + ""","resnet_time_scale_shift":"scale_shift","add_attention":false,"class_embed_type":"identity","num_class_embeds":7"""
            + ""","num_train_timesteps":1000,"attention_legacy_order":true}""");
        foreach (System.Reflection.PropertyInfo property in typeof(UNet2DOptions).GetProperties().Where(p => p.CanWrite))
        {
            property.GetValue(options).Should().NotBeEquivalentTo(property.GetValue(new UNet2DOptions()), property.Name);
        }
    }

    [Fact]
    public void Options_that_differ_are_unequal()
    {
        new UNet2DOptions { BlockOutChannels = [32, 64] }.Should().NotBe(new UNet2DOptions { BlockOutChannels = [32, 32] });
        new UNet2DOptions { Dropout = 0.1 }.Should().NotBe(new UNet2DOptions());
    }

    [Fact]
    public void Old_names_and_notes_of_diffusers_are_understood()
    {
        UNet2DOptions options = UNet2DOptions.FromJson(
            """{"_class_name":"UNet2DModel","_diffusers_version":"0.0.4","act_fn":"SWISH","down_block_types":["UNetResDownBlock2D"]"""
            + ""","up_block_types":["UNetResAttnUpBlock2D"],"block_out_channels":[32],"sample_size":32}""");
        options.ActFn.Should().Be(Activation.Silu);
        options.DownBlockTypes.Should().Equal(DownBlockType.DownBlock2D);
        options.UpBlockTypes.Should().Equal(UpBlockType.AttnUpBlock2D);
        options.SampleSize.Should().Be((SampleSize)32);
    }

    [Fact]
    public void No_type_of_resampling_is_a_convolution_as_in_diffusers()
    {
        UNet2DOptions options = UNet2DOptions.FromJson("""{"downsample_type":null,"upsample_type":null}""");
        options.DownsampleType.Should().Be(ResamplingType.Conv);
        options.UpsampleType.Should().Be(ResamplingType.Conv);
    }

    [Theory]
    [InlineData("""{"attention_legacy_order":1}""", "attention_legacy_order", "true or false")]
    [InlineData("""{"_class_name":5}""", "_class_name", "must be a string")]
    [InlineData("""{"act_fn":"\ud800"}""", "act_fn", "valid Unicode")]
    [InlineData("""{"\ud800":1}""", "configuration", "not valid JSON")]
    [InlineData("""{"in_channels":65537}""", "in_channels", "at most 65536")]
    [InlineData("""{"time_embedding_dim":65537}""", "time_embedding_dim", "at most 65536")]
    [InlineData("""{"cross_attention_dim":8}""", "cross_attention_dim", "unknown")]
    [InlineData("""{"_class_name":"UNet2DConditionModel"}""", "_class_name", "\"UNet2DModel\"")]
    [InlineData("""{"time_embedding_type":"rotary"}""", "time_embedding_type", "\"positional\", \"fourier\", \"learned\"")]
    [InlineData("""{"time_embedding_type":"learned"}""", "num_train_timesteps is null", "usually 1000")]
    [InlineData("""{"down_block_types":["DownEncoderBlock2D"]}""", "DownEncoderBlock2D", "\"AttnSkipDownBlock2D\"")]
    [InlineData("""{"up_block_types":["UpDecoderBlock2D"]}""", "UpDecoderBlock2D", "\"AttnSkipUpBlock2D\"")]
    [InlineData("""{"mid_block_type":"UNetMidBlock2DCrossAttn"}""", "mid_block_type", "\"UNetMidBlock2D\" or null")]
    [InlineData("""{"downsample_type":"fir"}""", "downsample_type", "\"conv\", \"resnet\"")]
    [InlineData("""{"upsample_type":1}""", "upsample_type", "must be a string")]
    [InlineData("""{"act_fn":"tanh"}""", "act_fn", "\"silu\", \"mish\", \"gelu\", \"relu\"")]
    [InlineData("""{"resnet_time_scale_shift":"spatial"}""", "resnet_time_scale_shift", "\"scale_shift\"")]
    [InlineData("""{"class_embed_type":"projection"}""", "class_embed_type", "\"timestep\", \"identity\"")]
    [InlineData("""{"downsample_padding":2}""", "downsample_padding", "0 or 1")]
    [InlineData("""{"in_channels":"3"}""", "in_channels", "integer")]
    [InlineData("""{"in_channels":3.5}""", "in_channels", "integer")]
    [InlineData("""{"norm_num_groups":null}""", "norm_num_groups", "integer")]
    [InlineData("""{"sample_size":[1,2,3]}""", "sample_size", "height and width")]
    [InlineData("""{"add_attention":1}""", "add_attention", "true or false")]
    [InlineData("""{"dropout":1}""", "dropout", "below 1")]
    [InlineData("""{"norm_eps":0}""", "norm_eps", "positive")]
    [InlineData("""{"mid_block_scale_factor":0}""", "mid_block_scale_factor", "other than 0")]
    [InlineData("""{"layers_per_block":0}""", "layers_per_block", "at least 1")]
    [InlineData("""{"num_class_embeds":0}""", "num_class_embeds", "at least 1")]
    [InlineData("""{"block_out_channels":[224,448,672,890]}""", "890", "multiples of norm_num_groups (32)")]
    [InlineData("""{"block_out_channels":[32]}""", "down_block_types 4", "same number")]
    [InlineData("""{"attn_norm_num_groups":3}""", "attn_norm_num_groups is 3", "divide")]
    [InlineData("""{"attention_head_dim":500}""", "attention_head_dim is 500", "at most 448")]
    [InlineData("""{"freq_shift":112}""", "freq_shift is 112", "divides by zero")]
    [InlineData("""[]""", "JSON object", "configuration")]
    [InlineData("""{""", "not valid JSON", "configuration")]
    [InlineData("""{"in_channels":3,"in_channels":3}""", "not valid JSON", "configuration")]
    public void What_is_not_supported_is_refused_by_name_with_what_is(string json, string name, string supported)
    {
        Action read = () => UNet2DOptions.FromJson(json);
        read.Should().Throw<FormatException>().Which.Message.Should().Contain(name).And.Contain(supported);
    }

    [Fact]
    public void Notes_about_averaging_do_not_describe_the_network()
    {
        UNet2DOptions.FromJson(
            """{"decay":0.9999,"inv_gamma":1.0,"power":0.75,"min_decay":0.0,"optimization_step":5,"update_after_step":0"""
            + ""","use_ema_warmup":true,"attention_legacy_order":false}""")
            .Should().Be(new UNet2DOptions());
    }

    [Fact]
    public void Choices_that_do_not_exist_and_missing_lists_are_problems()
    {
        UNet2DOptions options = new()
        {
            TimeEmbeddingType = (TimeEmbeddingType)9,
            DownBlockTypes = [.. Enumerable.Repeat((DownBlockType)9, 4)],
            UpBlockTypes = [.. Enumerable.Repeat((UpBlockType)9, 4)],
            DownsampleType = (ResamplingType)9,
            UpsampleType = (ResamplingType)9,
            ActFn = (Activation)9,
            ResnetTimeScaleShift = (TimeScaleShift)9,
            ClassEmbedType = (ClassEmbedType)9,
        };
        options.Problems().Should().HaveCount(8).And.Contain("act_fn has 9, but must have one of Silu, Mish, Gelu, Relu.");

        (new UNet2DOptions { BlockOutChannels = null! }).Problems().Should().ContainSingle().Which.Should().Contain("must not be null");
        (new UNet2DOptions { DownBlockTypes = null! }).Problems().Should().ContainSingle().Which.Should().Contain("must not be null");
        (new UNet2DOptions { UpBlockTypes = null! }).Problems().Should().ContainSingle().Which.Should().Contain("must not be null");
    }

    [Fact]
    public void Every_problem_is_listed_at_once()
    {
        Action read = () => UNet2DOptions.FromJson("""{"dropout":2,"unknown":1,"act_fn":"tanh","in_channels":0}""");
        read.Should().Throw<FormatException>().Which.Message.Split(Environment.NewLine).Should().HaveCount(5);

        Action build = () =>
            _ = new UNet2D(new UNet2DOptions { BlockOutChannels = [], Dropout = double.NaN, NormNumGroups = 0, AttentionHeadDim = 0 });
        build.Should().Throw<ArgumentException>().WithMessage("*block_out_channels has 0*")
            .Which.Message.Split(Environment.NewLine).Should().HaveCount(6);
    }

    [Theory]
    [InlineData(8, "128", 696_451, 3_805_059, 15_179_523)]
    [InlineData(28, "64 128 128", 1_164_259, 6_803_715, 27_156_995)]
    [InlineData(32, "64 128 128", 1_164_259, 6_803_715, 27_156_995)]
    [InlineData(64, "64 128 128 256", 3_197_859, 18_536_323, 74_051_331)]
    [InlineData(128, "64 64 128 256 256", 4_637_443, 27_285_763, 109_023_747)]
    [InlineData(256, "64 64 128 128 256 256", 5_048_899, 29_765_635, 118_931_459)]
    public void A_network_of_each_size_has_the_documented_channels_and_parameters(int size, string channels, long small, long medium,
        long large)
    {
        foreach ((UNet2DSize networkSize, long expected) in Enum.GetValues<UNet2DSize>().Zip((long[])[small, medium, large]))
        {
            UNet2DOptions options = UNet2DOptions.ForImages(size, 3, networkSize);
            options.SampleSize.Should().Be((SampleSize)size);
            options.DownBlockTypes.Reverse().Select(t => t.ToString().Replace("Down", "Up"))
                .Should().Equal(options.UpBlockTypes.Select(t => t.ToString()));
            using UNet2D unet = new(options);
            unet.parameters().Sum(p => p.NumberOfElements).Should().Be(expected);
        }

        string.Join(' ', UNet2DOptions.ForImages(size, 3, UNet2DSize.Medium).BlockOutChannels).Should().Be(channels);
    }

    [Fact]
    public void A_network_can_be_proposed_for_images_as_their_source_gives_them()
    {
        UNet2DOptions options = UNet2DOptions.ForImages(new ImageShape(1, 24, 48), UNet2DSize.Small, classes: 10);

        options.SampleSize.Should().Be(new SampleSize(24, 48));
        (options.InChannels, options.OutChannels, options.NumClassEmbeds).Should().Be((1, 1, 10));
        options.SizeMultiple.Should().Be(8, "48 pixels halve until they are 6");
        options.Problems().Should().BeEmpty();
        FluentActions.Invoking(() => UNet2DOptions.ForImages(new ImageShape(3, 100, 33), UNet2DSize.Small, null)).Should()
            .Throw<ArgumentOutOfRangeException>()
            .WithMessage("*100 pixels*multiples of 4, such as 32 or 36 for 33*");
        FluentActions.Invoking(() => UNet2DOptions.ForImages(new ImageShape(3, 32, 2), UNet2DSize.Small, null)).Should()
            .Throw<ArgumentOutOfRangeException>().WithMessage("*4..1024 pixels*");
        FluentActions.Invoking(() => UNet2DOptions.ForImages(32, 3, (UNet2DSize)7)).Should().Throw<ArgumentOutOfRangeException>()
            .WithMessage("*Small, Medium or Large*");
    }

    [Fact]
    public void The_proposed_network_can_be_built_for_every_size_that_halves_far_enough()
    {
        for (int size = 4; size <= 1024; size++)
        {
            int coarsest = size;
            while (coarsest > 8 && coarsest % 2 == 0)
            {
                coarsest /= 2;
            }

            Func<UNet2DOptions> make = () => UNet2DOptions.ForImages(size, channels: 1, UNet2DSize.Medium, classes: 10);
            if (coarsest > 32)
            {
                make.Should().Throw<ArgumentOutOfRangeException>().WithMessage("*Use multiples of*");
                continue;
            }

            UNet2DOptions options = make();
            options.Problems().Should().BeEmpty();
            (size % options.SizeMultiple).Should().Be(0);
            options.NumClassEmbeds.Should().Be(10);
            options.InChannels.Should().Be(1);
        }
    }

    [Fact]
    public void A_size_that_does_not_halve_is_answered_with_sizes_that_do()
    {
        Action make = () => UNet2DOptions.ForImages(250, 3, UNet2DSize.Medium);
        make.Should().Throw<ArgumentOutOfRangeException>().WithMessage("*125 pixels*multiples of 8*248 or 256*");
    }

    [Theory]
    [InlineData("""{"KEY-0": 0}""", "\"KEY-{0}\": 0, ", "KEY-101 is", "KEY-102 is")]
    [InlineData("""{"block_out_channels": [1], "norm_num_groups": 1000000}""", "{0}, ", "has 17,", "has 18,")]
    public void Of_a_hundred_thousand_problems_the_first_are_named(string json, string part, string named, string unnamed)
    {
        int place = json.IndexOfAny(['[', '{'], 1) is > 0 and int array ? array : 0;
        string many = string.Concat(Enumerable.Range(1, 100_000).Select(i => string.Format(CultureInfo.InvariantCulture, part, i + 1)));
        Action read = () => UNet2DOptions.FromJson(json.Insert(place + 1, many));
        string message = read.Should().Throw<FormatException>().Which.Message;
        message.Should().Contain(named).And.NotContain(unnamed);
        message.Length.Should().BeLessThan(100_000);
    }
}
