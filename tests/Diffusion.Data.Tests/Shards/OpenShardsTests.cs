namespace Diffusion.Data.Tests.Shards;

/// <summary>Shards that are kept open.</summary>
public sealed class OpenShardsTests : IDisposable
{
    private const int MaxOpen = 64;

    private readonly List<int> opened = [];
    private readonly List<int> closed = [];
    private readonly OpenShards shards;

    public OpenShardsTests() => shards = new OpenShards(Open, TimeProvider.System);

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public void Dispose() => shards.Dispose();

    [Fact]
    public void A_shard_in_use_is_opened_once_however_many_others_are_open()
    {
        for (int number = 0; number < 2 * MaxOpen; number++)
        {
            Use(number);
            Use(number);
        }

        opened.Should().Equal(Enumerable.Range(0, 2 * MaxOpen));
    }

    [Fact]
    public void The_shards_that_were_not_used_for_longest_are_closed()
    {
        for (int number = 0; number < MaxOpen; number++)
        {
            Use(number);
        }

        Use(0);
        Use(MaxOpen);
        Use(MaxOpen + 1);

        closed.Should().Equal(1, 2);
        shards.Dispose();
        closed.Should().BeEquivalentTo(Enumerable.Range(0, MaxOpen + 2));
    }

    [Fact]
    public void A_shard_in_use_is_not_closed()
    {
        shards.Use(0, _ =>
        {
            for (int number = 1; number <= MaxOpen; number++)
            {
                Use(number);
            }

            return 0;
        }, Token);

        closed.Should().Equal(1);
    }

    private void Use(int number) => shards.Use(number, _ => 0, Token);

    private Shard Open(int number, CancellationToken cancellationToken)
    {
        opened.Add(number);
        return new Shard(new Bytes(() => closed.Add(number)), new ShardSelection([], [], [], [], []), digest: 0);
    }

    private sealed class Bytes(Action close) : IShardBytes
    {
        public long Length => 0;

        public long Stamp => 0;

        public int Read(Span<byte> destination, long offset, CancellationToken cancellationToken) => 0;

        public Stream OpenStream(CancellationToken cancellationToken) => Stream.Null;

        public void Dispose() => close();
    }
}
