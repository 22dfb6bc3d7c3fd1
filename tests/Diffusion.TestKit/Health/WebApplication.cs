using Diffusion.Sampling;
using TorchSharp;

namespace Diffusion.TestKit;

/// <summary>Serves images during training: repeatedly loads a model, samples it and drops it, on a background thread.</summary>
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

    /// <summary>The number of models that were loaded and dropped.</summary>
    public long Loads { get; private set; }

    /// <summary>The preview of such an application: creates networks, one of them without a scope, and drops them.</summary>
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
