using Diffusion.Core.Tests.Networks;
using Diffusion.TestKit;
using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Core.Tests.Denoising;

/// <summary>One network that several threads sample, and that is disposed meanwhile.</summary>
public sealed class SharedNetworkTests
{
    private static readonly DiscreteSchedule Schedule = NoiseSchedule.Cosine();
    private static readonly UNet2DOptions Options = TinyUNet.Options with { Dropout = 0.2 };

    [Fact]
    public void A_loaded_network_is_in_evaluation_mode()
    {
        using TemporaryFolder temporary = new();
        string folder = Path.Combine(temporary.Path, "model");
        using (UNet2D unet = new(Options))
        {
            unet.training.Should().BeTrue();
            DiffusersFolder.Save(folder, unet, new DiffusersScheduler { Schedule = Schedule });
        }

        using DiffusersModel model = DiffusersFolder.Load(folder);
        model.UNet.modules().Should().NotBeEmpty().And.OnlyContain(part => !part.training);
    }

    [Fact]
    public void Four_threads_get_the_same_answer_of_a_network_with_dropout_and_none_sees_its_mode_change()
    {
        ComputeDevice.Cpu(threads: 1).Activate();
        using UNet2D unet = new(Options);
        Denoiser denoiser = new(unet, Schedule);
        using Tensor noisy = NormalNoise.Draw(new SeedStream(1), RandomPurpose.InitialNoise, [0], new ImageShape(2, 8, 8));
        float[] alone = Answer();
        int different = 0;
        int training = 0;

        Thread[] threads = [.. Enumerable.Range(0, 4).Select(_ => new Thread(() =>
        {
            ComputeDevice.Cpu(threads: 1).Activate();
            for (int i = 0; i < 50; i++)
            {
                Interlocked.Add(ref different, Answer().AsSpan().SequenceEqual(alone) ? 0 : 1);
                Interlocked.Add(ref training, unet.training ? 1 : 0);
            }
        }))];
        Array.ForEach(threads, thread => thread.Start());
        Array.ForEach(threads, thread => thread.Join());

        (different, training).Should().Be((0, 0));

        float[] Answer()
        {
            using Estimate denoised = denoiser.Denoise(noisy, Schedule[500]);
            return denoised.Noise.data<float>().ToArray();
        }
    }

    [Fact]
    public void Disposing_a_network_waits_for_the_call_in_flight()
    {
        using ManualResetEventSlim within = new();
        using ManualResetEventSlim goOn = new();
        using WeightLock gate = new("Model", "Dispose it later.");
        bool hasEnded = false;
        Thread reader = new(() =>
        {
            using WeightLock.Pass pass = gate.Read();
            using WeightLock.Pass nested = gate.Read();
            within.Set();
            goOn.Wait();
            Volatile.Write(ref hasEnded, true);
        });
        reader.Start();
        within.Wait(TestContext.Current.CancellationToken);
        bool hadEnded = false;
        Thread disposer = new(() =>
        {
            gate.Dispose();
            hadEnded = Volatile.Read(ref hasEnded);
        });
        disposer.Start();
        while ((disposer.ThreadState & ThreadState.WaitSleepJoin) == 0 && disposer.IsAlive)
        {
            Thread.Yield();
        }

        goOn.Set();
        disposer.Join();
        reader.Join();

        hadEnded.Should().BeTrue();
        FluentActions.Invoking(() => gate.Read().Dispose()).Should().Throw<ObjectDisposedException>()
            .WithMessage("The Model that these weights belong to was disposed. Dispose it later.*").Which.ObjectName.Should().Be("Model");
        FluentActions.Invoking(() => gate.Write().Dispose()).Should().Throw<ObjectDisposedException>();
        FluentActions.Invoking(gate.Dispose).Should().NotThrow();
    }

    [Fact]
    public void Models_that_are_disposed_while_four_threads_sample_them_answer_whole_or_not_at_all()
    {
        ComputeDevice.Cpu(threads: 1).Activate();
        using Tensor noisy = NormalNoise.Draw(new SeedStream(1), RandomPurpose.InitialNoise, [0], new ImageShape(2, 8, 8));
        using UNet2D first = new(Options);
        float[] alone = Answer(new Denoiser(first, Schedule));
        Denoiser shared = new(first, Schedule);
        bool hasEnded = false;
        int different = 0;
        int refused = 0;
        Thread[] threads = [.. Enumerable.Range(0, 4).Select(_ => new Thread(() =>
        {
            ComputeDevice.Cpu(threads: 1).Activate();
            while (!Volatile.Read(ref hasEnded))
            {
                try
                {
                    Interlocked.Add(ref different, Answer(Volatile.Read(ref shared)).AsSpan().SequenceEqual(alone) ? 0 : 1);
                }
                catch (ObjectDisposedException)
                {
                    Interlocked.Increment(ref refused);
                }
            }
        }))];
        Array.ForEach(threads, thread => thread.Start());
        for (int i = 0; i < 20; i++)
        {
            UNet2D next = new(Options);
            Volatile.Write(ref shared, new Denoiser(next, Schedule));
            while (Volatile.Read(ref refused) < 4 * i)
            {
                Thread.Yield();
            }

            next.Dispose();
        }

        Volatile.Write(ref hasEnded, true);
        Array.ForEach(threads, thread => thread.Join());
        different.Should().Be(0);

        float[] Answer(Denoiser denoiser)
        {
            using Estimate denoised = denoiser.Denoise(noisy, Schedule[500]);
            return denoised.Noise.data<float>().ToArray();
        }
    }
}
