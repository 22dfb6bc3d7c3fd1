using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Diffusion.Benchmarks;

/// <summary>
/// The network of <see cref="UNet2D"/> as a user of TorchSharp alone writes it; benchmarks/pytorch/unet.py is the same in PyTorch.
/// </summary>
internal sealed class PlainUNet : Module<Tensor, Tensor, Tensor>
{
    private readonly int frequencies;
    private readonly Linear time1;
    private readonly Linear time2;
    private readonly Conv2d first;
    private readonly ModuleList<Module> down = [];
    private readonly ModuleList<Module> middle;
    private readonly ModuleList<Module> up = [];
    private readonly GroupNorm lastNorm;
    private readonly Conv2d last;

    /// <summary>Builds it.</summary>
    /// <param name="widths">The channels of each level.</param>
    /// <param name="attends">Whether a level has attention.</param>
    /// <param name="headChannels">The channels of a head; null for one head.</param>
    public PlainUNet(int[] widths, bool[] attends, int? headChannels)
        : base(nameof(PlainUNet))
    {
        const int Blocks = 2;
        frequencies = widths[0];
        int time = 4 * widths[0];
        time1 = Linear(frequencies, time);
        time2 = Linear(time, time);
        first = Conv2d(3, widths[0], 3, padding: 1);
        int current = widths[0];
        Stack<int> across = new([current]);
        for (int level = 0; level < widths.Length; level++)
        {
            for (int block = 0; block < Blocks; block++)
            {
                Add(down, current, widths[level], attends[level]);
                across.Push(current = widths[level]);
            }

            if (level < widths.Length - 1)
            {
                down.Add(Conv2d(current, current, 3, stride: 2, padding: 1));
                across.Push(current);
            }
        }

        middle = [new PlainResidual(current, current, time), new PlainAttention(current, headChannels ?? current),
            new PlainResidual(current, current, time)];
        for (int level = widths.Length - 1; level >= 0; level--)
        {
            for (int block = 0; block <= Blocks; block++)
            {
                Add(up, current + across.Pop(), widths[level], attends[level]);
                current = widths[level];
            }

            if (level > 0)
            {
                up.Add(Conv2d(current, current, 3, padding: 1));
            }
        }

        lastNorm = GroupNorm(32, current);
        last = Conv2d(current, 3, 3, padding: 1);
        RegisterComponents();

        void Add(ModuleList<Module> blocks, int inputs, int outputs, bool attention)
        {
            blocks.Add(new PlainResidual(inputs, outputs, time));
            if (attention)
            {
                blocks.Add(new PlainAttention(outputs, headChannels ?? outputs));
            }
        }
    }

    public override Tensor forward(Tensor x, Tensor timesteps)
    {
        int half = frequencies / 2;
        Tensor angles = timesteps.unsqueeze(1) * exp(arange(half, dtype: ScalarType.Float32) * (-Math.Log(10000) / half));
        Tensor embedding = time2.call(functional.silu(time1.call(cat([angles.cos(), angles.sin()], 1))));
        x = first.call(x);
        Stack<Tensor> across = new([x]);
        for (int i = 0; i < down.Count; i++)
        {
            x = Apply(down[i], x, embedding);
            bool attentionFollows = i + 1 < down.Count && down[i + 1] is PlainAttention;
            if (!attentionFollows)
            {
                across.Push(x);
            }
        }

        foreach (Module module in middle)
        {
            x = Apply(module, x, embedding);
        }

        foreach (Module module in up)
        {
            x = module switch
            {
                PlainResidual => Apply(module, cat([x, across.Pop()], 1), embedding),
                PlainAttention => Apply(module, x, embedding),
                _ => Apply(module, functional.interpolate(x, scale_factor: [2, 2], mode: InterpolationMode.Nearest), embedding),
            };
        }

        return last.call(functional.silu(lastNorm.call(x)));
    }

    private static Tensor Apply(Module module, Tensor x, Tensor embedding) => module switch
    {
        PlainResidual residual => residual.call(x, embedding),
        PlainAttention attention => attention.call(x),
        _ => ((TorchSharp.Modules.Conv2d)module).call(x),
    };
}
