using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Diffusion.Data;
using Diffusion.TestKit;

namespace Diffusion.Training.Tests;

public sealed class TrainingStateTests
{
    private const string OrderDiffers = "the order of images changes from here on";

    public static TheoryData<Action<TrainingOptions>, string> ChangesOfOrder => new()
    {
        { o => o.Loading = o.Loading with { DropLast = true }, "DropLast was False and is True" },
        { o => o.Loading = o.Loading with { ShuffleWindow = 20 }, "ShuffleWindow was 16384 and is 20" },
    };

    [Theory]
    [MemberData(nameof(ChangesOfOrder), DisableDiscoveryEnumeration = true)]
    public void A_resumed_run_says_that_the_order_of_images_differs(Action<TrainingOptions> change, string expected)
    {
        using TemporaryFolder folder = new();
        Run(folder.Path, _ => { }).Should().BeNull();

        Run(folder.Path, change).Should().Contain(expected).And.Contain(OrderDiffers);
    }

    [Fact]
    public void Another_batch_size_changes_the_order_only_where_epochs_end_with_whole_batches()
    {
        using TemporaryFolder all = new();
        Run(all.Path, o => o.BatchSize = 4);
        Run(all.Path, o => o.BatchSize = 8).Should().Contain("BatchSize was 4 and is 8").And.NotContain(OrderDiffers);

        using TemporaryFolder whole = new();
        Run(whole.Path, o => (o.BatchSize, o.Loading) = (4, new LoadingOptions { DropLast = true }));
        Run(whole.Path, o => (o.BatchSize, o.Loading) = (8, new LoadingOptions { DropLast = true }))
            .Should().Contain("BatchSize was 4 and is 8").And.Contain(OrderDiffers).And.NotContain("DropLast was");
    }

    [Fact]
    public void What_is_done_with_bad_images_may_change_and_is_told()
    {
        using TemporaryFolder folder = new();
        Run(folder.Path, _ => { });
        Run(folder.Path, o => o.Loading = new LoadingOptions { BadImages = BadImagePolicy.Skip })
            .Should().Contain("BadImages was Replace and is Skip").And.NotContain(OrderDiffers);
    }

    [Theory]
    [InlineData("loading")]
    [InlineData("shuffleWindow")]
    [InlineData("dropLast")]
    public void A_manifest_from_before_an_option_was_there_means_its_default(string missing)
    {
        using TemporaryFolder folder = new();
        Run(folder.Path, _ => { });
        string file = Directory.GetFiles(folder.Path, "manifest.json", SearchOption.AllDirectories).Single();
        JsonNode manifest = JsonNode.Parse(File.ReadAllText(file))!;
        JsonObject options = manifest["options"]!.AsObject();
        (missing == "loading" ? options : options["loading"]!.AsObject()).Remove(missing).Should().BeTrue();
        byte[] json = Encoding.UTF8.GetBytes(manifest.ToJsonString(new JsonSerializerOptions { WriteIndented = true, NewLine = "\n" })
            + "\n");
        ManifestSeal.Close(json);
        File.WriteAllBytes(file, json);

        Run(folder.Path, _ => { }).Should().BeNull();
    }

    [Fact]
    public void Options_within_options_are_told_one_by_one()
    {
        using TemporaryFolder folder = new();
        Run(folder.Path, o => o.LearningRate = LearningRate.Constant(1e-4));
        string changes = Run(folder.Path, o => o.LearningRate = LearningRate.Constant(3e-4))!;
        changes.Should().Contain("LearningRate.Peak was 0.0001 and is 0.0003").And.NotContain("Shape");
    }

    [Fact]
    public void Another_network_is_told_option_by_option_and_not_as_two_texts()
    {
        using TemporaryFolder folder = new();
        using (UNet2D first = new(Network(4)))
        {
            TrainNetwork(first);
        }

        using UNet2D second = new(Network(8) with { ActFn = Activation.Gelu });
        string message = FluentActions.Invoking(() => TrainNetwork(second)).Should().Throw<CheckpointException>().Which.Message;
        message.Should().Contain("model.block_out_channels was [4] and is [8]").And.Contain("model.act_fn was \"silu\" and is \"gelu\"")
            .And.NotContain("layers_per_block").And.NotContain("_class_name");

        void TrainNetwork(UNet2D unet)
        {
            using NumberedImages images = new(60, groups: [10, 30, 20]);
            using Trainer trainer = Trainer.For(unet).UseDevice(ComputeDevice.Cpu(threads: 1)).UseData(images).UseCheckpoints(folder.Path)
                .Configure(o => (o.Steps, o.BatchSize) = (1, 2)).Build();
            trainer.Run(TestContext.Current.CancellationToken);
        }
    }

    // It takes images of any size.
    private static UNet2DOptions Network(int channels) => new()
    {
        BlockOutChannels = [channels],
        DownBlockTypes = [DownBlockType.DownBlock2D],
        UpBlockTypes = [UpBlockType.UpBlock2D],
        LayersPerBlock = 1,
        NormNumGroups = 2,
        AttentionHeadDim = 4,
    };

    // One more step of a run: what the log says that has changed.
    private static string? Run(string folder, Action<TrainingOptions> configure)
    {
        CollectedLog log = new();
        using TinyModel model = new(channels: 3);
        using NumberedImages images = new(60, groups: [10, 30, 20]);
        using Trainer trainer = Trainer.For(model)
            .UseDevice(ComputeDevice.Cpu(threads: 1))
            .UseData(images)
            .UseCheckpoints(folder)
            .UseLogger(log)
            .Configure(o =>
            {
                o.Steps = 2;
                o.BatchSize = 4;
                configure(o);
            })
            .Build();
        trainer.Run(TestContext.Current.CancellationToken);
        return log.Lines.SingleOrDefault(line => line.StartsWith("Changed on resuming", StringComparison.Ordinal));
    }
}
