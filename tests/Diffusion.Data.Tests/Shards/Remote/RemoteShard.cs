using System.Globalization;
using System.Text;
using Diffusion.TestKit;

namespace Diffusion.Data.Tests.Shards;

/// <summary>A shard on a server with its index: sample i has the gray value 10 + i and the given label.</summary>
internal sealed record RemoteShard(byte[] Tar, byte[] Index)
{
    /// <summary>Writes a shard of samples with these labels, each with a number of additional unused bytes.</summary>
    public static RemoteShard Of(int[] labels, int padding = 0)
    {
        using TemporaryFolder folder = new();
        using (ShardWriter writer = new(folder.Path))
        {
            for (int i = 0; i < labels.Length; i++)
            {
                writer.Write(string.Create(CultureInfo.InvariantCulture, $"{i:D6}"), new Dictionary<string, byte[]>
                {
                    ["bin"] = new byte[padding],
                    ["cls"] = Encoding.ASCII.GetBytes(labels[i].ToString(CultureInfo.InvariantCulture)),
                    ["png"] = ShardFolder.Image(10 + i),
                });
            }

            writer.Finish();
        }

        return new RemoteShard(File.ReadAllBytes(folder.File("shard-000000.tar")),
            File.ReadAllBytes(folder.File("shard-000000.tar.index")));
    }

    /// <summary>Answers for the shard and its index, both of one version.</summary>
    public ServerReply Answer(ServerRequest request, string? tag, bool hasIndex = true) =>
        !request.Path.Split('?')[0].EndsWith(".index", StringComparison.Ordinal) ? new ServedFile(Tar, tag).Answer(request)
        : hasIndex ? new ServedFile(Index, tag).Answer(request)
        : new ServerReply { Status = 404 };

    /// <summary>Whether a request only asks for the version of a shard.</summary>
    public static bool IsProbe(ServerRequest request) => request is { From: 0, To: 511 };

    /// <summary>Whether a request is for the bytes of a shard.</summary>
    public static bool IsOfBytes(ServerRequest request) =>
        request.Path.Split('?')[0].EndsWith(".tar", StringComparison.Ordinal) && !IsProbe(request);
}
