using System.Diagnostics.Metrics;
using System.Text;
using Diffusion.Training;
using TorchSharp;

namespace Diffusion.Tool.Tests;

/// <summary>The less common options of a run file reach the run.</summary>
public sealed class ConfiguredRunTests : IDisposable
{
    private readonly SmallPhotos photos = new();
    private readonly int threads = torch.get_num_threads();

    [Fact]
    public void Device_network_optimizer_name_and_TensorBoard_are_those_of_the_file()
    {
        HashSet<string?> runs = new(StringComparer.Ordinal);
        using MeterListener listener = new();
        listener.InstrumentPublished = (instrument, all) =>
        {
            if (instrument.Name == "diffusion.training.steps")
            {
                all.EnableMeasurementEvents(instrument);
            }
        };
        listener.SetMeasurementEventCallback<long>((_, _, tags, _) =>
            runs.UnionWith(tags.ToArray().Where(tag => tag.Key == "run").Select(tag => tag.Value?.ToString())));
        listener.Start();
        string board = photos.PathOf("board", "files");

        ToolRun.Succeed("train", photos.RunFile, "--set", "training.steps=1", "--set", "name=cats", "--set", $"cpuThreads={threads + 1}",
            "--set", $"report.tensorBoard={board}", "--set", "optimizer={epsilon: 1e-6}",
            "--set", "network.unet={layersPerBlock: 2, dropout: 0.1, attentionHeadDim: 0, normNumGroups: 4}");

        CheckpointManifest manifest = Manifest();
        runs.Should().Equal("cats");
        manifest.CpuThreads.Should().Be(threads + 1);
        manifest.Optimizer.Should().Be("adamw(weightDecay: 0.01, beta1: 0.9, beta2: 0.999, epsilon: 1E-06)");
        manifest.Model.Should().Contain("\"layers_per_block\":2").And.Contain("\"dropout\":0.1").And.Contain("\"norm_num_groups\":4")
            .And.Contain("\"attention_head_dim\":null");
        string events = Encoding.Latin1.GetString(File.ReadAllBytes(Directory.GetFiles(board).Should().ContainSingle().Subject));
        events.Should().Contain("loss/training").And.Contain("samples");
    }

    public void Dispose()
    {
        torch.set_num_threads(threads);
        photos.Dispose();
    }

    private CheckpointManifest Manifest()
    {
        using CheckpointStore checkpoints = new(photos.Run);
        return checkpoints.ReadLatestManifest()!;
    }
}
