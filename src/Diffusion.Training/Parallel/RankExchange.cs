using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Training;

/// <summary>Exchanges a few numbers between all processes. Every process calls the same methods in the same order.</summary>
/// <param name="group">The processes.</param>
/// <param name="device">The device whose tensors the group exchanges.</param>
internal sealed class RankExchange(IProcessGroup group, Device device)
{
    /// <summary>The number of this process.</summary>
    public int Rank => group.Rank;

    /// <summary>The number of processes.</summary>
    public int WorldSize => group.WorldSize;

    /// <summary>Returns the numbers of each process, in the order of the ranks.</summary>
    /// <param name="own">The numbers of this process, the same count on each.</param>
    public IReadOnlyList<long[]> Gather(long[] own)
    {
        if (own.Length == 0)
        {
            return [.. Enumerable.Repeat(own, WorldSize)];
        }

        using IDisposable noGradients = no_grad();
        using DisposeScope scope = NewDisposeScope();
        Tensor mine = tensor(own).SendTo(device);
        Tensor all = zeros((long)own.Length * WorldSize, ScalarType.Int64, device);
        using (IPendingOperation gathering = group.AllGather(all, mine))
        {
            gathering.Wait();
        }

        return [.. all.ToHost().data<long>().ToArray().Chunk(own.Length)];
    }

    /// <summary>Returns the numbers of each process, in the order of the ranks, without any rounding.</summary>
    /// <param name="own">The numbers of this process, the same count on each.</param>
    public IReadOnlyList<double[]> Gather(double[] own) =>
        [.. Gather(Array.ConvertAll(own, BitConverter.DoubleToInt64Bits))
            .Select(bits => Array.ConvertAll(bits, BitConverter.Int64BitsToDouble))];

    /// <summary>Returns the texts of all processes, in the order of the ranks.</summary>
    /// <param name="own">The UTF-8 text of this process.</param>
    public IReadOnlyList<byte[]> Gather(byte[] own)
    {
        int[] lengths = [.. Gather([(long)own.Length]).Select(length => (int)length[0])];
        byte[] padded = new byte[(lengths.Max() + sizeof(long) - 1) / sizeof(long) * sizeof(long)];
        own.CopyTo(padded, 0);
        long[] packed = new long[padded.Length / sizeof(long)];
        Buffer.BlockCopy(padded, 0, packed, 0, padded.Length);
        return [.. Gather(packed).Zip(lengths, (numbers, length) =>
        {
            byte[] text = new byte[length];
            Buffer.BlockCopy(numbers, 0, text, 0, length);
            return text;
        })];
    }

    /// <summary>Adds the numbers of all processes, in the order of the ranks: the same bits on each.</summary>
    /// <param name="own">The numbers of this process, the same count on each.</param>
    public double[] Sum(double[] own)
    {
        IReadOnlyList<double[]> all = Gather(own);
        return [.. Enumerable.Range(0, own.Length).Select(i => all.Sum(numbers => numbers[i]))];
    }
}
