using Diffusion.TestKit;
using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Core.Tests.Weights;

public sealed class SafeTensorsIndexTests : IDisposable
{
    private const string First = "model-00001-of-00002.safetensors";
    private const string Second = "model-00002-of-00002.safetensors";

    private readonly TemporaryFolder folder = new();

    private string Index => folder.File("model.safetensors.index.json");

    public void Dispose() => folder.Dispose();

    [Theory]
    [InlineData(1, 3)]
    [InlineData(12, 3)]
    [InlineData(16, 2)]
    [InlineData(1000, 1)]
    public void Tensors_come_back_from_as_many_files_as_their_sizes_ask_for(long maxFileBytes, int files)
    {
        using DisposeScope scope = NewDisposeScope();
        SafeTensorsIndex.Write(Index, Samples(), maxFileBytes, new Dictionary<string, string> { ["format"] = "pt" });
        Directory.GetFiles(folder.Path).Should().HaveCount(files + 1);
        using SafeTensors read = SafeTensorsIndex.Read(Index);
        read.Metadata.Should().ContainKey("format");
        read.Tensors.Keys.Should().BeEquivalentTo("a", "b", "c");
        read.Tensors["b"].data<float>().Should().Equal(2, 2, 2);
        File.ReadAllText(Index).Should()
            .Contain("\"total_size\": 28").And.Contain($"\"c\": \"model-{files:D5}-of-{files:D5}.safetensors\"");
    }

    public static TheoryData<string, string> Indexes { get; } = new()
    {
        { "{", "not valid JSON" },
        { """{"metadata": {}}""", "names 0 files" },
        { """{"weight_map": {"a": "../FIRST"}}""", "beside it" },
        { """{"weight_map": {"a": "/FIRST"}}""", "beside it" },
        { """{"weight_map": {"a": "x\\FIRST"}}""", "beside it" },
        { """{"weight_map": {"a": ".."}}""", "beside it" },
        { """{"weight_map": {"a": "FIRST", "a": "FIRST"}}""", "'a'" },
        { """{"weight_map": {"a": "FIRST", "b": "FIRST", "d": "FIRST", "c": "SECOND"}}""", "d is in FIRST, but it is not" },
        { """{"weight_map": {"a": "FIRST", "c": "SECOND"}}""", "FIRST holds b, but weight_map does not say so" },
        { """{"weight_map": {"a": "FIRST", "b": "SECOND", "c": "SECOND"}}""", "FIRST holds b, but weight_map does not say so" },
        { """{"weight_map": {"a": "third.safetensors"}}""", "names third.safetensors, which is not beside it" },
        { """{"metadata": {"total_size": 27}, "weight_map": {"a": "FIRST", "b": "FIRST", "c": "SECOND"}}""",
            "total_size is 27, but the tensors have 28 bytes" },
        { """{"metadata": {"total_size": "28"}, "weight_map": {"a": "FIRST", "b": "FIRST", "c": "SECOND"}}""", "must be a whole number" },
        { """{"metadata": [], "weight_map": {"a": "FIRST", "b": "FIRST", "c": "SECOND"}}""", "must be an object" },
        { """{"weights": 1, "weight_map": {"a": "FIRST", "b": "FIRST", "c": "SECOND"}}""", "this option is unknown" },
    };

    [Theory]
    [MemberData(nameof(Indexes))]
    public void An_index_that_does_not_fit_its_files_is_refused(string text, string reason)
    {
        using DisposeScope scope = NewDisposeScope();
        SafeTensorsIndex.Write(Index, Samples(), maxFileBytes: 16);
        File.WriteAllText(Index, Named(text));
        Action read = () => SafeTensorsIndex.Read(Index);
        read.Should().Throw<SafeTensorsException>().WithMessage($"{Index}*{Named(reason)}*").Which.Path.Should().Be(Index);

        static string Named(string text) =>
            text.Replace("FIRST", First, StringComparison.Ordinal).Replace("SECOND", Second, StringComparison.Ordinal);
    }

    [Fact]
    public void Two_tensors_of_one_name_are_refused_even_in_two_files()
    {
        using DisposeScope scope = NewDisposeScope();
        Action write = () => SafeTensorsIndex.Write(Index, [.. Samples(), KeyValuePair.Create("a", ones(1))], maxFileBytes: 1);
        write.Should().Throw<SafeTensorsException>().WithMessage("*occurs twice*");
        Directory.GetFiles(folder.Path).Should().BeEmpty();
    }

    [Fact]
    public void An_index_has_tensors_and_its_own_ending()
    {
        Action empty = () => SafeTensorsIndex.Write(Index, [], maxFileBytes: 1);
        empty.Should().Throw<ArgumentException>().WithMessage("There are no tensors*");
        Action named = () => SafeTensorsIndex.Write(folder.File("model.json"), [], maxFileBytes: 1);
        named.Should().Throw<ArgumentException>().WithMessage("*must end with .safetensors.index.json*");
    }

    private static KeyValuePair<string, Tensor>[] Samples() =>
        [KeyValuePair.Create("a", ones(1)), KeyValuePair.Create("b", full(3, 2f)), KeyValuePair.Create("c", full(3, 3f))];
}
