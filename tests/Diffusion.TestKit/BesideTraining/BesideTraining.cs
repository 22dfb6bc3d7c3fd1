using Diffusion.Training;

namespace Diffusion.TestKit;

/// <summary>
/// Samples on several threads while trainers run and are disposed, snapshots are taken, and models are loaded and disposed. Each image is
/// compared bit for bit with the same image sampled alone.
/// </summary>
public sealed class BesideTraining : IDisposable
{
    private const int Threads = 4;
    private const int Kinds = 5;

    private readonly SerialTwins twins = new();
    private readonly List<string> failures = [];
    private readonly UNet2D shared = SerialTwins.FiledNetwork();
    private readonly Denoiser ofShared;
    private readonly int pictures;
    private volatile Trainer? trainer;
    private volatile TrainedModel? kept;
    private volatile DiffusersModel? loaded;
    private volatile bool hasEnded;
    private int begun;

    private BesideTraining(int pictures)
    {
        this.pictures = pictures;
        ofShared = new Denoiser(shared, NoiseSchedule.Cosine());
    }

    /// <summary>The number of images that were compared.</summary>
    public int Compared { get; private set; }

    /// <summary>The number of calls that were refused because their model was disposed.</summary>
    public int Refused { get; private set; }

    /// <summary>The number of trainers that ran and were disposed.</summary>
    public int Trainers { get; private set; }

    /// <summary>The number of models that were loaded and disposed.</summary>
    public int Loads { get; private set; }

    /// <summary>The failures.</summary>
    public IReadOnlyList<string> Failures => failures;

    /// <summary>Samples the images.</summary>
    /// <param name="pictures">The number of images.</param>
    public static BesideTraining Run(int pictures)
    {
        using BesideTraining soak = new(pictures);
        Thread[] beside = [soak.Begin(soak.Train), soak.Begin(soak.Load)];
        Thread[] samplers = [.. Enumerable.Range(0, Threads).Select(_ => soak.Begin(soak.Sample))];
        Array.ForEach(samplers, thread => thread.Join());
        soak.hasEnded = true;
        Array.ForEach(beside, thread => thread.Join());
        return soak;
    }

    public void Dispose()
    {
        kept?.Dispose();
        shared.Dispose();
        twins.Dispose();
    }

    private Thread Begin(Action work)
    {
        Thread thread = new(() =>
        {
            try
            {
                ComputeDevice.Cpu(threads: 1).Activate();
                work();
            }
            catch (Exception error)
            {
                Fail(error.ToString());
                hasEnded = true;
            }
        });
        thread.Start();
        return thread;
    }

    // Trainers run one after another. Each is disposed while other threads still sample it.
    private void Train()
    {
        while (!hasEnded)
        {
            using UNet2D network = SerialTwins.Network();
            using Trainer next = twins.Training(network).AddPreview(5, preview =>
            {
                TrainedModel? before = kept;
                kept = preview.Snapshot();
                before?.Dispose();
            }).Build();
            trainer = next;
            next.Run();
            if (!twins.IsTrained(network))
            {
                Fail("A run ended with other weights than when it ran alone.");
            }

            next.Dispose();
            trainer = null;
            Trainers++;
        }
    }

    private void Load()
    {
        while (!hasEnded)
        {
            DiffusersModel? before = loaded;
            loaded = DiffusersFolder.Load(twins.Folder);
            before?.Dispose();
            Loads++;
        }

        loaded?.Dispose();
    }

    private void Sample()
    {
        for (int picture = Interlocked.Increment(ref begun); picture <= pictures && !hasEnded; picture = Interlocked.Increment(ref begun))
        {
            while (!hasEnded && !TryCompare(picture % Kinds, picture / Kinds % SerialTwins.Seeds))
            {
                Thread.Yield();
            }
        }
    }

    // False if there is nothing to sample yet, or if it was disposed in the meantime.
    private bool TryCompare(int kind, long seed)
    {
        try
        {
            if (IsEqual(kind, seed) is not { } isEqual)
            {
                return false;
            }

            lock (failures)
            {
                Compared++;
            }

            if (!isEqual)
            {
                Fail($"An image of kind {kind} and seed {seed} differs from the same image sampled alone.");
            }

            return true;
        }
        catch (ObjectDisposedException)
        {
            lock (failures)
            {
                Refused++;
            }

            return false;
        }
    }

    private bool? IsEqual(int kind, long seed)
    {
        switch (kind)
        {
            case 0 when trainer is { } running:
                using (TrainedModel own = running.SnapshotEma())
                {
                    return twins.IsOfStep(own.Step!.Value, seed, SerialTwins.Picture(own.Denoiser, SerialTwins.Sampler, seed));
                }

            case 1 when trainer is { } running:
                return twins.IsOfAnyStep(seed, SerialTwins.Picture(running.EmaDenoiser, SerialTwins.AtOnce, seed));
            case 2 when kept is { } ofPreview:
                return twins.IsOfStep(ofPreview.Step!.Value, seed, SerialTwins.Picture(ofPreview.Denoiser, SerialTwins.Sampler, seed));
            case 3 when loaded is { } model:
                return twins.IsOfFile(seed, SerialTwins.Picture(model.CreateDenoiser(), SerialTwins.Sampler, seed));
            case 4:
                return twins.IsOfFile(seed, SerialTwins.Picture(ofShared, SerialTwins.Sampler, seed));
            default:
                return null;
        }
    }

    private void Fail(string failure)
    {
        lock (failures)
        {
            failures.Add(failure);
        }
    }
}
