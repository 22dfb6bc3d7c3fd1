using Diffusion.Sampling;
using TorchSharp;

namespace Diffusion.TestKit;

/// <summary>Serves pictures beside a training: loads a model, samples it and drops it, again and again, on a thread of its own.</summary>
public sealed class WebApplication : IDisposable
{
    private readonly TemporaryFolder temporary = new();
    private readonly Thread server;
    private volatile bool hasEnded;

    public WebApplication()
    {
        string folder = Path.Combine(temporary.Path, "model");
        using (UNet2D network = SerialTwins.FiledNetwork())
        {
            DiffusersFolder.Save(folder, network, new DiffusersScheduler { Schedule = NoiseSchedule.Cosine() });
        }

        server = new Thread(() =>
        {
            ComputeDevice.Cpu(threads: 1).Activate();
            while (!hasEnded)
            {
                using DiffusersModel model = DiffusersFolder.Load(folder);
                new DdimSampler { Steps = 5 }.Sample(model.CreateDenoiser(), count: 4).Dispose();
                Loads++;
            }
        });
        server.Start();
    }

    /// <summary>Models that were loaded and dropped.</summary>
    public long Loads { get; private set; }

    /// <summary>What a preview of such an application does: it makes networks, one of them without a scope, and drops them.</summary>
    public static void Preview()
    {
        using UNet2D network = SerialTwins.FiledNetwork();
        using TorchSharp.Modules.Conv2d layer = torch.nn.Conv2d(3, 3, 3);
        using TorchSharp.Modules.Linear other = torch.nn.Linear(3, 3);
    }

    public void Dispose()
    {
        hasEnded = true;
        server.Join();
        temporary.Dispose();
    }
}
