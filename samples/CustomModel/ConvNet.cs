using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace CustomModel;

/// <summary>A plain TorchSharp module: convolutions at full resolution, each told the timestep.</summary>
internal sealed class ConvNet : nn.Module<Tensor, Tensor, Tensor>
{
    private const int Width = 32;
    private const int Frequencies = 8;

    private readonly Linear time = nn.Linear(2 * Frequencies, Width);
    private readonly Conv2d first;
    private readonly Conv2d second = nn.Conv2d(Width, Width, 3, padding: 2, dilation: 2);
    private readonly Conv2d third = nn.Conv2d(Width, Width, 3, padding: 4, dilation: 4);
    private readonly Conv2d last;

    public ConvNet(long channels)
        : base(nameof(ConvNet))
    {
        first = nn.Conv2d(channels, Width, 3, padding: 1);
        last = nn.Conv2d(Width, channels, 3, padding: 1);
        RegisterComponents();
    }

    /// <summary>Noisy images <c>[B, C, H, W]</c> and timesteps <c>[B]</c> to the prediction <c>[B, C, H, W]</c>.</summary>
    public override Tensor forward(Tensor noisy, Tensor timesteps)
    {
        Tensor powers = pow(2, arange(Frequencies, ScalarType.Float32, noisy.device)); // [F]
        Tensor angles = timesteps.unsqueeze(1) / 1000 * powers; // [B, F]
        Tensor told = time.call(cat([angles.sin(), angles.cos()], 1)).unsqueeze(-1).unsqueeze(-1); // [B, width, 1, 1]

        Tensor x = nn.functional.silu(first.call(noisy) + told);
        x = x + nn.functional.silu(second.call(x) + told);
        x = x + nn.functional.silu(third.call(x) + told);
        return last.call(x);
    }
}
