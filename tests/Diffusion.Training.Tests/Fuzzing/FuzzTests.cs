using Diffusion.TestKit;
using Diffusion.TestKit.Fuzzing;

namespace Diffusion.Training.Tests;

/// <summary>
/// The short form; DIFFUSION_FULL_SWEEP=1 takes four times as many inputs, and the command <c>fuzz</c> of the benchmarks as many as it is
/// told.
/// </summary>
public sealed class FuzzTests
{
    private const ulong Seed = 1;

    [Theory]
    [InlineData("tar", 25_000)]
    [InlineData("index", 12_000)]
    [InlineData("idx", 5_000)]
    [InlineData("safetensors", 50_000)]
    [InlineData("manifest", 15_000)]
    [InlineData("config", 5_000)]
    public void Damaged_files_are_read_or_refused_by_the_declared_error_in_little_memory(string name, int inputs)
    {
        inputs *= FullSweep.IsWanted ? 4 : 1;
        FuzzTarget target = FuzzTarget.Create(name);
        Dictionary<string, int> kinds = [];
        for (int number = 0; number < inputs; number++)
        {
            FuzzResult result = target.Run(Seed, number);
            if (result.Failure is not null)
            {
                Assert.Fail($"Input {number} of {name}, seed {Seed}: {result.Failure}");
            }

            kinds[result.Kind] = kinds.GetValueOrDefault(result.Kind) + 1;
        }

        // Every place that refuses is reached, and enough is damaged so slightly that it is read.
        kinds.Keys.Should().BeEquivalentTo([.. target.Kinds, FuzzTarget.Accepted]);
        kinds[FuzzTarget.Accepted].Should().BeGreaterThan(inputs / 50);
        TestContext.Current.TestOutputHelper!.WriteLine(string.Join(Environment.NewLine, kinds.OrderByDescending(kind => kind.Value)));
    }

    [Theory]
    [InlineData("tar")]
    [InlineData("index")]
    [InlineData("idx")]
    [InlineData("safetensors")]
    [InlineData("manifest")]
    [InlineData("config")]
    public void An_input_depends_on_nothing_but_its_seed_and_number(string name)
    {
        FuzzTarget first = FuzzTarget.Create(name);
        byte[][] inputs = [.. Enumerable.Range(0, 200).Select(number => InputOf(first, number))];
        inputs.Distinct(ByteComparer.Instance).Should().HaveCountGreaterThan(150);
        FuzzTarget second = FuzzTarget.Create(name);
        Enumerable.Range(0, 200).Reverse().Should().OnlyContain(number => InputOf(second, number).SequenceEqual(inputs[number]));
    }

    private static byte[] InputOf(FuzzTarget target, int number)
    {
        target.Run(Seed, number);
        return target.LastInput();
    }

    private sealed class ByteComparer : IEqualityComparer<byte[]>
    {
        public static ByteComparer Instance { get; } = new();

        public bool Equals(byte[]? x, byte[]? y) => x.AsSpan().SequenceEqual(y);

        public int GetHashCode(byte[] obj) => obj.Length;
    }
}
