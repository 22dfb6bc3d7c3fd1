using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Benchmarks;

/// <summary>
/// <c>attention</c>: forward and backward pass of attention on a CPU by libtorch's fused kernel and by two products, and whether the U-Net
/// takes the faster one.
/// </summary>
internal static class AttentionCommand
{
    private const int Repetitions = 15;

    // A choice that is this much slower at most is as good as the other.
    private const double Tie = 1.1;

    // Images, heads, tokens, channels of a head.
    private static readonly (int Images, int Heads, int Tokens, int Channels)[] Shapes =
        [(16, 4, 64, 32), (16, 4, 256, 32), (8, 1, 64, 256), (8, 1, 256, 256), (4, 4, 1024, 32)];

    public static Command Create()
    {
        Command command = new("attention", "The time of attention by libtorch's fused kernel and by two products, and the U-Net's choice.");
        command.SetAction(_ => Run());
        return command;
    }

    private static int Run()
    {
        ComputeDevice device = ComputeDevice.Cpu();
        device.Activate();
        Console.WriteLine($"{device}, {device.CpuThreads} threads; milliseconds of forward and backward pass");
        Console.WriteLine("| images, heads, tokens, channels | precision | fused | products |");
        Console.WriteLine("| --- | --- | --: | --: |");
        int right = 0;
        int all = 0;
        foreach ((int Images, int Heads, int Tokens, int Channels) shape in Shapes)
        {
            foreach (ScalarType type in (ScalarType[])[ScalarType.Float32, ScalarType.BFloat16])
            {
                double fused = Time(shape, type, (q, k, v) => nn.functional.scaled_dot_product_attention(q, k, v));
                double products = Time(shape, type, Attention.ByProducts);
                Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
                    $"| {shape.Images}, {shape.Heads}, {shape.Tokens}, {shape.Channels} | {type} | {fused:F1} | {products:F1} |"));
                bool takesProducts = type == ScalarType.BFloat16 && Attention.IsByProducts(Precision.BFloat16, shape.Tokens);
                right += (takesProducts ? products <= Tie * fused : fused <= Tie * products) ? 1 : 0;
                all++;
            }
        }

        return Verdict.Print($"the choice of the U-Net is not the slower one in {right} of {all}", "in all", right == all);
    }

    private static double Time(
        (int Images, int Heads, int Tokens, int Channels) shape, ScalarType type, Func<Tensor, Tensor, Tensor, Tensor> attend)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor[] inputs = [.. Enumerable.Range(0, 3).Select(_ =>
            randn([shape.Images, shape.Tokens, shape.Heads, shape.Channels]).to(type).transpose(1, 2).requires_grad_())];
        Tensor gradient = randn([shape.Images, shape.Heads, shape.Tokens, shape.Channels]).to(type);
        double[] milliseconds = new double[Repetitions];
        for (int i = -3; i < Repetitions; i++)
        {
            using DisposeScope pass = NewDisposeScope();
            long began = Stopwatch.GetTimestamp();
            attend(inputs[0], inputs[1], inputs[2]).backward([gradient]);
            if (i >= 0)
            {
                milliseconds[i] = Stopwatch.GetElapsedTime(began).TotalMilliseconds;
            }
        }

        return Median.Of(milliseconds);
    }
}
