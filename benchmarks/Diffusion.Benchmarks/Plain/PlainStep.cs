using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Diffusion.Benchmarks;

/// <summary>
/// A training step of a DDPM as a user of TorchSharp alone writes it: noise, loss, clipping, AdamW, an average of the weights.
/// </summary>
internal sealed class PlainStep : IDisposable
{
    private const int Timesteps = 1000;
    private readonly PlainUNet network;
    private readonly optim.Optimizer optimizer;
    private readonly Parameter[] parameters;
    private readonly Tensor[] averages;
    private readonly Tensor signal;

    public PlainStep(PlainUNet network)
    {
        this.network = network;
        parameters = [.. network.parameters()];
        optimizer = optim.AdamW(parameters, lr: 1e-4);
        averages = [.. parameters.Select(weights => weights.detach().clone())];
        using DisposeScope scope = NewDisposeScope();
        signal = linspace(0.01, 1.55, Timesteps).cos().MoveToOuterDisposeScope();
    }

    /// <summary>The number of parameters.</summary>
    public long Parameters => parameters.Sum(weights => weights.numel());

    public void Run(Tensor images)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor timesteps = randint(0, Timesteps, [images.shape[0]], ScalarType.Int64);
        Tensor noise = randn_like(images);
        Tensor alpha = signal[timesteps].view(-1, 1, 1, 1);
        Tensor noisy = (alpha * images) + ((1 - (alpha * alpha)).sqrt() * noise);
        optimizer.zero_grad();
        Tensor loss = nn.functional.mse_loss(network.call(noisy, timesteps), noise);
        loss.backward();
        nn.utils.clip_grad_norm_(parameters, 1.0);
        optimizer.step();
        using (no_grad())
        {
            for (int i = 0; i < averages.Length; i++)
            {
                averages[i].mul_(0.999).add_(parameters[i], alpha: 0.001);
            }
        }
    }

    public void Dispose()
    {
        optimizer.Dispose();
        signal.Dispose();
        foreach (Tensor average in averages)
        {
            average.Dispose();
        }
    }
}
