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

    /// <summary>Tells, or is told, where rank 0 listens.</summary>
    /// <param name="mpi">The library, after its start.</param>
    /// <param name="listener">The socket of rank 0; null on others.</param>
    public static unsafe MpiMeetingPoint Share(MpiLibrary mpi, Socket? listener)
    {
        byte[] buffer = new byte[Bytes];
        if (listener is not null)
        {
            string token = Convert.ToHexString(RandomNumberGenerator.GetBytes(16));
            string port = $"{((IPEndPoint)listener.LocalEndPoint!).Port}";
            Encoding.UTF8.GetBytes(string.Join('\n', [token, port, .. Addresses()]), buffer);
        }

        fixed (byte* start = buffer)
        {
            mpi.Broadcast((nint)start, Bytes, ScalarType.Byte, root: 0);
        }

        string[] parts = Encoding.UTF8.GetString(buffer).TrimEnd('\0').Split('\n');
        return new MpiMeetingPoint(parts[2..], int.Parse(parts[1], System.Globalization.CultureInfo.InvariantCulture), parts[0]);
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
