using System.Runtime.InteropServices;
using Diffusion.Sampling;
using Diffusion.Training;
using TorchSharp;

namespace Diffusion.TestKit;

/// <summary>The expected images of <see cref="BesideTraining"/>, sampled on one thread without other work.</summary>
internal sealed class SerialTwins : IDisposable
{
    /// <summary>Steps of each training run.</summary>
    public const int Steps = 12;

    /// <summary>The number of seeds.</summary>
    public const int Seeds = 3;

    private const long FileSeed = 7;
    private readonly TemporaryFolder temporary = new();
    private readonly StripedImages images = new(size: 8);
    private readonly byte[][][] ofSteps = new byte[Steps + 1][][];
    private readonly byte[][][] ofStepsAtOnce = new byte[Steps + 1][][];
    private readonly byte[][] ofFile;
    private readonly byte[] trained;

    public SerialTwins()
    {
        ComputeDevice.Cpu(threads: 1).Activate();
        using UNet2D network = Network();
        using Trainer trainer = Training(network).AddPreview(1, preview => Keep(preview.Step, preview.EmaDenoiser)).Build();
        Keep(0, trainer.EmaDenoiser);
        trainer.Run();
        trained = Weights(network);
        if (ofSteps.Concat(ofStepsAtOnce).SelectMany(step => step).Distinct(new SameBytes()).Count() < 2 * (Steps + 1) * Seeds)
        {
            throw new InvalidOperationException("Two steps or seeds give the same image, so a comparison would prove nothing.");
        }

        using UNet2D filed = Network(FileSeed);
        DiffusersFolder.Save(Folder, filed, new DiffusersScheduler { Schedule = NoiseSchedule.Cosine() });
        using DiffusersModel model = DiffusersFolder.Load(Folder);
        ofFile = Pictures(model.CreateDenoiser(), Sampler);
    }

    /// <summary>Several steps, so that a change of mode or weights between them is detected.</summary>
    public static DdimSampler Sampler { get; } = new() { Steps = 3, Clipping = SampleClipping.None };

    /// <summary>One call of the network, which sees the weights of one step.</summary>
    public static DdimSampler AtOnce { get; } = new() { Steps = 1, Clipping = SampleClipping.None };

    /// <summary>A diffusers folder.</summary>
    public string Folder => Path.Combine(temporary.Path, "model");

    /// <summary>A network whose samples would differ in training mode.</summary>
    public static UNet2D Network(long seed = 1) => new(
        new UNet2DOptions
        {
            SampleSize = 8,
            InChannels = 1,
            OutChannels = 1,
            BlockOutChannels = [8, 16],
            DownBlockTypes = [DownBlockType.DownBlock2D, DownBlockType.DownBlock2D],
            UpBlockTypes = [UpBlockType.UpBlock2D, UpBlockType.UpBlock2D],
            LayersPerBlock = 1,
            NormNumGroups = 4,
            Dropout = 0.2,
        },
        seed);

    /// <summary>The network in the folder, created without reading the folder.</summary>
    public static UNet2D FiledNetwork() => Network(FileSeed);

    /// <summary>A run whose weights at each step are always the same.</summary>
    public TrainerBuilder Training(UNet2D network) => Trainer.For(network)
        .UseDevice(ComputeDevice.Cpu(threads: 1))
        .UseData(images)
        .Configure(o => (o.Steps, o.BatchSize, o.Ema) = (Steps, 4, "warmup(max-decay: 0.7)"));

    public bool IsOfStep(long step, long seed, byte[] picture) => ofSteps[step][seed].AsSpan().SequenceEqual(picture);

    public bool IsOfAnyStep(long seed, byte[] picture) => ofStepsAtOnce.Any(step => step[seed].AsSpan().SequenceEqual(picture));

    public bool IsOfFile(long seed, byte[] picture) => ofFile[seed].AsSpan().SequenceEqual(picture);

    public bool IsTrained(UNet2D network) => trained.AsSpan().SequenceEqual(Weights(network));

    /// <summary>One image, as bytes.</summary>
    public static byte[] Picture(Denoiser denoiser, DdimSampler sampler, long seed)
    {
        using torch.Tensor picture = sampler.Sample(denoiser, count: 1, seed);
        return MemoryMarshal.AsBytes(picture.data<float>().ToArray().AsSpan()).ToArray();
    }

    public void Dispose()
    {
        images.Dispose();
        temporary.Dispose();
    }

    private static byte[][] Pictures(Denoiser denoiser, DdimSampler sampler) =>
        [.. Enumerable.Range(0, Seeds).Select(seed => Picture(denoiser, sampler, seed))];

    private static byte[] Weights(UNet2D network) =>
        [.. network.parameters().SelectMany(parameter => MemoryMarshal.AsBytes(parameter.data<float>().ToArray().AsSpan()).ToArray())];

    private sealed class SameBytes : IEqualityComparer<byte[]>
    {
        public bool Equals(byte[]? one, byte[]? other) => one.AsSpan().SequenceEqual(other);

        public int GetHashCode(byte[] bytes) => bytes[0];
    }

    private void Keep(long step, Denoiser denoiser)
    {
        ofSteps[step] = Pictures(denoiser, Sampler);
        ofStepsAtOnce[step] = Pictures(denoiser, AtOnce);
    }
}
