using Diffusion.Data;
using Diffusion.Sampling;
using Diffusion.TestKit;
using TorchSharp;

namespace Diffusion.Training.Tests;

/// <summary>Which weights are sampled, by what name, and for how long.</summary>
public sealed class TrainerDenoisersTests
{
    private static readonly DdimSampler Sampler = new() { Steps = 2, Clipping = SampleClipping.None };

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public void A_network_that_a_trainer_owns_or_has_trained_is_not_sampled_unasked()
    {
        using TinyModel model = new();
        using StripedImages images = new();
        Trainer trainer = Builder(model, images).Build();
        Refused(model).Should().Contain("owns").And.Contain("EmaDenoiser").And.Contain("RawDenoiser");
        trainer.Run(Token);
        Refused(model).Should().Contain("EmaDenoiser");
        trainer.Dispose();

        Refused(model).Should().Contain("EmaDenoiser").And.Contain("EndWithAverages");
        Refused(new Wrapped(model)).Should().Contain("EmaDenoiser", "it is the same network under another name");
        using IDiffusionModel twin = model.CreateTwin();
        Sample(new Denoiser(twin, NoiseSchedule.Cosine()));
        using Trainer again = Builder(model, images).Build();
        again.Run(Token).Step.Should().Be(6);
    }

    [Fact]
    public void A_network_that_contains_a_trained_one_is_not_sampled_either()
    {
        using TinyModel model = new();
        using StripedImages images = new();
        using TorchSharp.Modules.Sequential around = torch.nn.Sequential(("inner",
            (torch.nn.Module<torch.Tensor, torch.Tensor>)model.named_children().First().module));
        using (Trainer trainer = Builder(model, images).Build())
        {
            trainer.Run(Token);
        }

        Refused(new ScriptedModel((noisy, _, _) => torch.zeros_like(noisy), around)).Should().Contain("EmaDenoiser");
    }

    [Fact]
    public void A_network_is_free_again_where_nothing_was_trained_or_nothing_was_averaged_or_weights_were_loaded()
    {
        using StripedImages images = new();
        using TinyModel untrained = new();
        Builder(untrained, images).Build().Dispose();
        Sample(new Denoiser(untrained, NoiseSchedule.Cosine()));

        using TinyModel raw = new();
        using (Trainer trainer = Builder(raw, images).Configure(o => o.Ema = "none").Build())
        {
            trainer.Run(Token);
            Refused(raw).Should().Contain("owns");
        }

        Sample(new Denoiser(raw, NoiseSchedule.Cosine()));

        using UNet2D unet = new(new UNet2DOptions { SampleSize = 8, InChannels = 1, OutChannels = 1, BlockOutChannels = [8],
            DownBlockTypes = [DownBlockType.DownBlock2D], UpBlockTypes = [UpBlockType.UpBlock2D], LayersPerBlock = 1, NormNumGroups = 4 });
        using (Trainer trainer = Builder(unet, images).Build())
        {
            trainer.Run(Token);
            using TrainedModel snapshot = trainer.SnapshotEma();
            Dictionary<string, torch.Tensor> averages = ((UNet2D)snapshot.Denoiser.Model).NamedTensors().ToDictionary();
            unet.LoadWeights(averages);
            Refused(unet).Should().Contain("owns", "the trainer still uses the network");
            trainer.Dispose();
            unet.LoadWeights(averages);
        }

        Sample(new Denoiser(unet, NoiseSchedule.Cosine()));
    }

    [Fact]
    public void Ending_with_averages_leaves_them_in_the_network()
    {
        using TinyModel model = new();
        using StripedImages images = new();
        Trainer trainer = Builder(model, images).Build();
        trainer.Run(Token);
        float[] averaged = Weights((TinyModel)trainer.EmaDenoiser.Model);
        float[] picture = Sample(trainer.EmaDenoiser);
        averaged.Should().NotEqual(Weights(model));

        trainer.EndWithAverages();

        Weights(model).Should().Equal(averaged);
        Sample(new Denoiser(model, NoiseSchedule.Cosine())).Should().Equal(picture);
        FluentActions.Invoking(() => trainer.Run(Token)).Should().Throw<ObjectDisposedException>();
        FluentActions.Invoking(trainer.EndWithAverages).Should().Throw<ObjectDisposedException>();
        trainer.Dispose();
    }

    [Fact]
    public void Two_trainers_do_not_share_a_network()
    {
        using TinyModel model = new();
        using StripedImages images = new();
        using (Trainer first = Builder(model, images).Build())
        {
            FluentActions.Invoking(() => Builder(model, images).Build()).Should().Throw<InvalidOperationException>()
                .WithMessage("Another trainer already owns this network*");
            first.Run(Token).Step.Should().Be(6);
        }

        using Trainer second = Builder(model, images).Build();
        second.Run(Token).Step.Should().Be(6);
    }

    [Fact]
    public void The_raw_weights_are_sampled_by_their_name_while_the_network_is_in_training_mode()
    {
        using TinyModel model = new(dropoutProbability: 0.5);
        using StripedImages images = new();
        List<bool> modes = [];
        List<float[]> raw = [];
        Trainer? trainer = null;
        trainer = Builder(model, images).AddPreview(3, _ =>
        {
            modes.Add(model.training);
            raw.Add(Sample(trainer!.RawDenoiser));
            raw.Add(Sample(trainer.RawDenoiser));
            modes.Add(model.training);
        }).Build();
        trainer.Run(Token);

        modes.Should().Equal(true, true, true, true);
        raw[1].Should().Equal(raw[0]);
        raw[3].Should().Equal(raw[2]).And.NotEqual(raw[0]);
        Sample(trainer.RawDenoiser).Should().Equal(raw[3]);
        Sample(trainer.EmaDenoiser).Should().NotEqual(raw[3]);
        trainer.RawDenoiser.Model.Should().BeSameAs(model);
        trainer.Dispose();
    }

    [Fact]
    public void The_denoisers_of_a_disposed_trainer_name_it_and_snapshots_live_on()
    {
        using TinyModel model = new(dropoutProbability: 0.5);
        using StripedImages images = new();
        TrainedModel? ofPreview = null;
        float[]? atPreview = null;
        Trainer trainer = Builder(model, images).AddPreview(3, preview =>
        {
            ofPreview ??= preview.Snapshot();
            atPreview ??= Sample(preview.EmaDenoiser);
        }).Build();
        TrainingResult result = trainer.Run(Token);
        TrainedModel atEnd = trainer.SnapshotEma();
        float[] picture = Sample(result.EmaDenoiser);
        trainer.Dispose();

        foreach (Denoiser denoiser in (Denoiser[])[result.EmaDenoiser, result.RawDenoiser, trainer.EmaDenoiser, trainer.RawDenoiser,
            result.Averages.Values.First()])
        {
            denoiser.Invoking(Sample).Should().Throw<ObjectDisposedException>()
                .WithMessage("*Use SnapshotEma()*").Which.ObjectName.Should().Be("Trainer");
        }

        FluentActions.Invoking(() => trainer.SnapshotEma()).Should().Throw<ObjectDisposedException>()
            .Which.ObjectName.Should().Be("Trainer");
        FluentActions.Invoking(() => trainer.Ema!.Swap()).Should().Throw<ObjectDisposedException>();
        (ofPreview!.Step, atEnd.Step).Should().Be((3, 6));
        atEnd.Denoiser.Model.Network.training.Should().BeFalse();
        Sample(atEnd.Denoiser).Should().Equal(picture);
        Sample(ofPreview.Denoiser).Should().Equal(atPreview).And.NotEqual(picture);
        ofPreview.Dispose();
        atEnd.Dispose();
        atEnd.Denoiser.Invoking(Sample).Should().Throw<ObjectDisposedException>().Which.ObjectName.Should().Be(nameof(TrainedModel));
    }

    [Fact]
    public void The_average_of_a_trainer_is_swapped_in_only_while_it_neither_runs_nor_ends()
    {
        using TinyModel model = new();
        using StripedImages images = new();
        List<Exception> refused = [];
        Trainer? trainer = null;
        trainer = Builder(model, images).AddPreview(3, _ => refused.Add(Caught(() => trainer!.Ema!.Swap()))).Build();
        trainer.Run(Token);
        refused.Should().HaveCount(2).And.OnlyContain(error => error is InvalidOperationException && error.Message.Contains("running"));
        float[] raw = Weights(model);
        float[] averaged = Weights((TinyModel)trainer.EmaDenoiser.Model);

        using (trainer.Ema!.Swap())
        {
            Weights(model).Should().Equal(averaged);
            FluentActions.Invoking(() => trainer.Run(Token)).Should().Throw<InvalidOperationException>().WithMessage("*swapped in*");
            FluentActions.Invoking(trainer.Dispose).Should().Throw<InvalidOperationException>().WithMessage("*swapped in*");
            FluentActions.Invoking(() => trainer.Ema.Swap()).Should().Throw<InvalidOperationException>().WithMessage("*swapped in*");
        }

        Weights(model).Should().Equal(raw);
        trainer.Ema.Dispose();
        Sample(trainer.EmaDenoiser).Should().NotBeEmpty("the average is the trainer's");
        trainer.Dispose();
    }

    private static Exception Caught(Action action)
    {
        try
        {
            action();
            return new NotSupportedException("Nothing was thrown.");
        }
        catch (InvalidOperationException error)
        {
            return error;
        }
    }

    private static string Refused(IDiffusionModel model) =>
        FluentActions.Invoking(() => new Denoiser(model, NoiseSchedule.Cosine())).Should().Throw<InvalidOperationException>().Which.Message;

    private static float[] Sample(Denoiser denoiser)
    {
        using torch.Tensor images = Sampler.Sample(denoiser,
            new SampleRequest { Count = 1, Shape = denoiser.SampleShape ?? ImageShape.Square(8, channels: 1) });
        return images.data<float>().ToArray();
    }

    private static float[] Weights(TinyModel model) => [.. model.parameters().SelectMany(p => p.data<float>().ToArray())];

    private static TrainerBuilder Builder(IDiffusionModel model, IImageSource images) => Trainer.For(model)
        .UseDevice(ComputeDevice.Cpu(threads: 1))
        .UseData(images)
        .Configure(o => (o.Steps, o.BatchSize, o.Ema) = (6, 4, "warmup(max-decay: 0.9)"));

    private sealed class Wrapped(TinyModel model) : IDiffusionModel
    {
        public torch.nn.Module Network => model;

        public ImageShape? SampleShape => model.SampleShape;

        public int? ClassCount => null;

        public bool HasDropout => false;

        public string Description => "wrapped";

        public torch.Tensor Predict(torch.Tensor noisy, torch.Tensor labels, Conditioning conditioning) =>
            model.Predict(noisy, labels, conditioning);

        public IDiffusionModel CreateTwin() => model.CreateTwin();

        public IReadOnlyList<string> Problems(ImageShape shape, INoiseSchedule schedule) => [];

        public void Dispose() => model.Dispose();
    }
}
