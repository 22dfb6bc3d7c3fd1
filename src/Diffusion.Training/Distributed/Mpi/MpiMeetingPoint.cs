using System.Globalization;
using System.Net;
using System.Net.NetworkInformation;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;
using static TorchSharp.torch;

namespace Diffusion.Training;

/// <summary>Where rank 0 listens, which it tells the others by MPI.</summary>
internal sealed record MpiMeetingPoint(IReadOnlyList<string> Hosts, int Port, string Token)
{
    private const int Bytes = 4096;

    /// <summary>The place where rank 0 listens.</summary>
    /// <param name="listener">Its socket.</param>
    public static MpiMeetingPoint Of(Socket listener) => new(
        [.. Addresses()], ((IPEndPoint)listener.LocalEndPoint!).Port, Convert.ToHexString(RandomNumberGenerator.GetBytes(16)));

    /// <summary>Rank 0 tells the others where it listens.</summary>
    /// <param name="mpi">The library, after its start.</param>
    public void Tell(MpiLibrary mpi) => Broadcast(mpi, ToBytes());

    /// <summary>Rank 0 tells the others, who wait for it, why it does not listen.</summary>
    /// <param name="mpi">The library, after its start.</param>
    /// <param name="problem">Why.</param>
    public static void Refuse(MpiLibrary mpi, string problem) => Broadcast(mpi, Refusal(problem));

    /// <summary>Another rank is told where rank 0 listens.</summary>
    /// <param name="mpi">The library, after its start.</param>
    /// <exception cref="DistributedException">Rank 0 does not listen.</exception>
    public static MpiMeetingPoint Hear(MpiLibrary mpi)
    {
        byte[] told = new byte[Bytes];
        Broadcast(mpi, told);
        return Read(told);
    }

    /// <summary>What rank 0 tells the others.</summary>
    internal byte[] ToBytes() =>
        Padded(string.Join('\n', [Token, Port.ToString(CultureInfo.InvariantCulture), .. Hosts]));

    /// <summary>What rank 0 tells the others if it does not listen: no token, and the reason.</summary>
    internal static byte[] Refusal(string problem) => Padded($"\n{problem.ReplaceLineEndings(" ")}");

    /// <summary>Reads what rank 0 tells.</summary>
    /// <exception cref="DistributedException">Rank 0 does not listen.</exception>
    internal static MpiMeetingPoint Read(byte[] told)
    {
        string[] parts = Encoding.UTF8.GetString(told).TrimEnd('\0').Split('\n');
        return parts[0].Length > 0
            ? new MpiMeetingPoint(parts[2..], int.Parse(parts[1], CultureInfo.InvariantCulture), parts[0])
            : throw new DistributedException(parts[1]);
    }

    private static byte[] Padded(string text)
    {
        byte[] bytes = new byte[Bytes];
        Encoding.UTF8.GetEncoder().Convert(text, bytes, flush: true, out _, out _, out _); // an error may be too long
        return bytes;
    }

    private static unsafe void Broadcast(MpiLibrary mpi, byte[] bytes)
    {
        fixed (byte* start = bytes)
        {
            mpi.Broadcast((nint)start, bytes.Length, ScalarType.Byte, root: 0);
        }
    }

    // Those that other machines reach come first; the loopback address serves a machine without a network.
    private static IEnumerable<string> Addresses() => NetworkInterface.GetAllNetworkInterfaces()
        .Where(network => network.OperationalStatus == OperationalStatus.Up)
        .SelectMany(network => network.GetIPProperties().UnicastAddresses.Select(address => address.Address))
        .Where(address => !address.IsIPv6LinkLocal)
        .OrderBy(IPAddress.IsLoopback)
        .Take(32)
        .Select(address => address.ToString());
}
