using System.Buffers.Binary;
using System.Text;
using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Core.Tests.Weights;

public sealed class SafeTensorsFileTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("safetensors").FullName;

    private string Path => System.IO.Path.Combine(folder, "file.safetensors");

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Fact]
    public void Every_dtype_comes_back_bit_by_bit()
    {
        using DisposeScope scope = NewDisposeScope();
        ScalarType[] types =
        [
            ScalarType.Float64, ScalarType.Float32, ScalarType.Float16, ScalarType.BFloat16, ScalarType.Int64, ScalarType.Int32,
            ScalarType.Int16, ScalarType.Int8, ScalarType.Byte, ScalarType.Bool,
        ];
        Dictionary<string, Tensor> given = types.ToDictionary(
            t => $"of.{t}", t => (arange(6, ScalarType.Float32) - (t == ScalarType.Byte ? 0 : 2)).reshape(2, 3).to_type(t));
        given["scalar"] = tensor(3.5f);
        given["empty"] = zeros(2, 0, 3);
        given["not a number"] = tensor((float[])[float.NaN, float.PositiveInfinity, -0f]);
        given["a\"ü\u0001/../😀"] = ones(1);

        SafeTensorsFile.Write(Path, given, new Dictionary<string, string> { ["b"] = "2", ["a"] = "one" });
        using SafeTensors read = SafeTensorsFile.Read(Path);

        read.Metadata.Should().Equal(new Dictionary<string, string> { ["a"] = "one", ["b"] = "2" });
        read.Tensors.Keys.Should().BeEquivalentTo(given.Keys);
        foreach ((string name, Tensor tensor) in given)
        {
            Tensor back = read.Tensors[name];
            back.dtype.Should().Be(tensor.dtype, name);
            back.shape.Should().Equal(tensor.shape);
            back.bytes.ToArray().Should().Equal(tensor.contiguous().bytes.ToArray());
        }
    }

    [Fact]
    public void Views_and_parameters_are_written_as_they_look()
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor matrix = arange(6, ScalarType.Float32).reshape(2, 3);
        SafeTensorsFile.Write(Path, Named(("t", matrix.t()), ("row", matrix[1]), ("p", nn.Parameter(matrix))));
        using SafeTensors read = SafeTensorsFile.Read(Path);
        read.Tensors["t"].data<float>().Should().Equal(0, 3, 1, 4, 2, 5);
        read.Tensors["row"].data<float>().Should().Equal(3, 4, 5);
        read.Tensors["p"].requires_grad.Should().BeFalse();
    }

    [Fact]
    public void What_was_read_outlives_the_dispose_scope_around_it()
    {
        SafeTensorsFile.Write(Path, Named(("x", ones(2))));
        SafeTensors read;
        using (NewDisposeScope())
        {
            read = SafeTensorsFile.Read(Path);
        }

        using (read)
        {
            read.Tensors["x"].data<float>().Should().Equal(1, 1);
        }
    }

    [Fact]
    public void An_empty_file_has_the_reference_bytes()
    {
        SafeTensorsFile.Write(Path, []);
        File.ReadAllBytes(Path).Should().Equal(8, 0, 0, 0, 0, 0, 0, 0, (byte)'{', (byte)'}', 32, 32, 32, 32, 32, 32);
        using SafeTensors read = SafeTensorsFile.Read(Path);
        read.Tensors.Should().BeEmpty();
    }

    [Fact]
    public void A_header_whose_length_begins_as_a_pickle_does_is_read()
    {
        string filling = new('x', 640 - """{"__metadata__":{"a":""}}""".Length);
        SafeTensorsFile.Write(Path, [], new Dictionary<string, string> { ["a"] = filling });
        File.ReadAllBytes(Path).Should().StartWith([0x80, 0x02]);
        using SafeTensors read = SafeTensorsFile.Read(Path);
        read.Metadata.Should().Equal(new Dictionary<string, string> { ["a"] = filling });
    }

    [Fact]
    public void The_most_aligned_tensors_come_first_and_then_names_decide()
    {
        using DisposeScope scope = NewDisposeScope();
        SafeTensorsFile.Write(
            Path,
            Named(("z", ones(2)), ("a", ones(1, ScalarType.Byte)), ("y", ones(1)), ("n", ones(1, ScalarType.Int64))),
            new Dictionary<string, string> { ["format"] = "pt" });
        byte[] bytes = File.ReadAllBytes(Path);
        string header = Encoding.UTF8.GetString(bytes, 8, (int)BinaryPrimitives.ReadInt64LittleEndian(bytes));
        header.TrimEnd(' ').Should().Be(
            """{"__metadata__":{"format":"pt"},"n":{"dtype":"I64","shape":[1],"data_offsets":[0,8]},"y":{"dtype":"F32","shape":[1]"""
            + ""","data_offsets":[8,12]},"z":{"dtype":"F32","shape":[2],"data_offsets":[12,20]},"a":{"dtype":"U8","shape":[1]"""
            + ""","data_offsets":[20,21]}}""");
        (header.Length % 8).Should().Be(0);
    }

    [Fact]
    public void Bool_bytes_other_than_one_become_one()
    {
        Save("""{"b":{"dtype":"BOOL","shape":[3],"data_offsets":[0,3]}}""", [0, 1, 7]);
        using SafeTensors read = SafeTensorsFile.Read(Path);
        read.Tensors["b"].bytes.ToArray().Should().Equal(0, 1, 1);
    }

    [Theory]
    [InlineData(""" {"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}}""", "begin with '{'")]
    [InlineData("""[]""", "begin with '{'")]
    [InlineData("", "begin with '{'")]
    [InlineData("""{"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}""", "not valid JSON")]
    [InlineData("""{"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},}""", "not valid JSON")]
    [InlineData("""{"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}}x""", "not valid JSON")]
    [InlineData("{\"a\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[0,4]}}\0", "not valid JSON")]
    [InlineData("""{"a":{"dtype":"U8",/**/"shape":[4],"data_offsets":[0,4]}}""", "not valid JSON")]
    [InlineData("""{"a":{"dtype":"U8","shape":[04],"data_offsets":[0,4]}}""", "not valid JSON")]
    [InlineData("""{"a":{"dtype":"U8","shape":[NaN],"data_offsets":[0,4]}}""", "not valid JSON")]
    [InlineData("""{"\ud800":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}}""", "not valid JSON")]
    [InlineData("""{"a":{"dtype":"U8","shape":[[4]],"data_offsets":[0,4]}}""", "not valid JSON")]
    [InlineData("""{"":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}}""", "must not be empty")]
    [InlineData("""{"a\u0000":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}}""", "must not be empty")]
    [InlineData("""{"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},"\u0061":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}}""",
        "the name occurs twice")]
    [InlineData("""{"a":["U8",[4],[0,4]]}""", "must be an object")]
    [InlineData("""{"a":{"dtype":{"U8":null},"shape":[4],"data_offsets":[0,4]}}""", "dtype must be a string")]
    [InlineData("""{"a":{"dtype":"u8","shape":[4],"data_offsets":[0,4]}}""", "\"u8\" is unknown")]
    [InlineData("""{"a":{"dtype":"C128","shape":[4],"data_offsets":[0,4]}}""", "\"C128\" is unknown")]
    [InlineData("""{"a":{"dtype":"F4","shape":[8],"data_offsets":[0,4]}}""", "no tensors of dtype F4")]
    [InlineData("""{"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4],"x":1}}""", "field \"x\" is unknown")]
    [InlineData("""{"a":{"dtype":"U8","shape":[4],"shape":[4],"data_offsets":[0,4]}}""", "field \"shape\" occurs twice")]
    [InlineData("""{"a":{"dtype":"U8","data_offsets":[0,4]}}""", "shape is missing")]
    [InlineData("""{"a":{"dtype":"U8","shape":[-4],"data_offsets":[0,4]}}""", "integers from 0")]
    [InlineData("""{"a":{"dtype":"U8","shape":[-0],"data_offsets":[0,0]}}""", "integers from 0")]
    [InlineData("""{"a":{"dtype":"U8","shape":[4.0],"data_offsets":[0,4]}}""", "integers from 0")]
    [InlineData("""{"a":{"dtype":"U8","shape":[4e0],"data_offsets":[0,4]}}""", "integers from 0")]
    [InlineData("""{"a":{"dtype":"U8","shape":["4"],"data_offsets":[0,4]}}""", "integers from 0")]
    [InlineData("""{"a":{"dtype":"U8","shape":[null],"data_offsets":[0,4]}}""", "integers from 0")]
    [InlineData("""{"a":{"dtype":"U8","shape":[9223372036854775808,0],"data_offsets":[0,4]}}""", "integers from 0")]
    [InlineData("""{"a":{"dtype":"U8","shape":[4],"data_offsets":[4]}}""", "1 numbers, not 2")]
    [InlineData("""{"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4,4]}}""", "more than 2")]
    [InlineData("""{"a":{"dtype":"U8","shape":[4],"data_offsets":[4,0]}}""", "before it begins")]
    [InlineData("""{"a":{"dtype":"F32","shape":[4],"data_offsets":[0,4]}}""", "takes 16 bytes")]
    [InlineData("""{"a":{"dtype":"U8","shape":[4294967296,4294967296,0],"data_offsets":[0,4]}}""", "larger than any memory")]
    [InlineData("""{"a":{"dtype":"U8","shape":[0,4294967296,4294967296],"data_offsets":[0,0]}}""", "larger than any memory")]
    [InlineData("""{"a":{"dtype":"F64","shape":[2305843009213693952],"data_offsets":[0,4]}}""", "larger than any memory")]
    [InlineData("""{"a":{"dtype":"U8","shape":[3],"data_offsets":[1,4]}}""", "must begin at 0")]
    [InlineData("""{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"b":{"dtype":"U8","shape":[3],"data_offsets":[1,4]}}""",
        "must begin at 2")]
    [InlineData("""{"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},"b":{"dtype":"U8","shape":[0],"data_offsets":[3,3]}}""",
        "must begin at 4")]
    [InlineData("""{"a":{"dtype":"U8","shape":[3],"data_offsets":[0,3]}}""", "describes 3 bytes")]
    [InlineData("""{"a":{"dtype":"U8","shape":[5],"data_offsets":[0,5]}}""", "describes 5 bytes")]
    [InlineData("""{}""", "describes 0 bytes")]
    [InlineData("""{"__metadata__":null}""", "object of strings")]
    [InlineData("""{"__metadata__":{"a":1}}""", "must be a string")]
    [InlineData("""{"__metadata__":{"a":"1","a":"2"}}""", "occurs twice")]
    [InlineData("""{"__metadata__":{},"__metadata__":{}}""", "occurs twice")]
    public void A_header_with_two_meanings_or_none_is_refused(string header, string reason)
    {
        Save(header, [1, 2, 3, 4]);
        Action read = () => SafeTensorsFile.Read(Path);
        read.Should().Throw<SafeTensorsException>().WithMessage($"*{reason}*").Which.Path.Should().Be(Path);
    }

    [Theory]
    [InlineData(65, "more than 64")]
    [InlineData(64, null)]
    public void A_tensor_has_at_most_64_dimensions(int rank, string? reason)
    {
        Save($$$"""{"a":{"dtype":"U8","shape":[{{{string.Join(",", Enumerable.Repeat(1, rank))}}}],"data_offsets":[0,1]}}""", [1]);
        Action read = () => SafeTensorsFile.Read(Path).Dispose();
        if (reason is null)
        {
            read.Should().NotThrow();
        }
        else
        {
            read.Should().Throw<SafeTensorsException>().WithMessage($"*{reason}*");
        }
    }

    [Theory]
    [InlineData("08000000", "4 bytes are too few")]
    [InlineData("01E1F505000000007B7D", "above 100000000")]
    [InlineData("FFFFFFFFFFFFFFFF7B7D", "above 100000000")]
    [InlineData("03000000000000007B7D", "it is truncated")]
    [InlineData("0300000000000000EFBBBF", "begin with '{'")]
    [InlineData("09000000000000007B22C0AF223A7B7D7D", "not valid UTF-8")]
    [InlineData("504B03040000000008080000", "pickle")]
    [InlineData("80028A0A6CFC9C46F920", "pickle")]
    public void A_file_that_does_not_begin_as_it_must_is_refused(string hex, string reason)
    {
        File.WriteAllBytes(Path, Convert.FromHexString(hex));
        Action read = () => SafeTensorsFile.Read(Path);
        read.Should().Throw<SafeTensorsException>().WithMessage($"*{reason}*");
    }

    [Fact]
    public void A_refusal_names_the_tensor_and_the_byte()
    {
        Save("""{"conv.weight":{"dtype":"F33","shape":[1],"data_offsets":[0,4]}}""", [1, 2, 3, 4]);
        Action read = () => SafeTensorsFile.Read(Path);
        SafeTensorsException refusal = read.Should().Throw<SafeTensorsException>().Which;
        refusal.Tensor.Should().Be("conv.weight");
        refusal.Position.Should().Be(8 + """{"conv.weight":{"dtype":""".Length);
        refusal.Message.Should().StartWith($"{Path}, tensor \"conv.weight\", byte {refusal.Position}: ");
    }

    [Fact]
    public void The_writer_refuses_what_the_reader_would()
    {
        using DisposeScope scope = NewDisposeScope();
        Refuses(Named(("", ones(1))), "must not be empty");
        Refuses(Named(("a", ones(1)), ("a", ones(1))), "occurs twice");
        Refuses(Named(("__metadata__", ones(1))), "reserved for the metadata");
        Refuses(Named(("c", ones(1, ScalarType.ComplexFloat32))), "cannot hold the dtype ComplexFloat32");
        File.Exists(Path).Should().BeFalse();

        void Refuses(IEnumerable<KeyValuePair<string, Tensor>> tensors, string reason)
        {
            Action write = () => SafeTensorsFile.Write(Path, tensors);
            write.Should().Throw<SafeTensorsException>().WithMessage($"*{reason}*");
        }
    }

    [Fact]
    public void A_write_that_fails_leaves_the_file_that_was_there_and_nothing_else()
    {
        using DisposeScope scope = NewDisposeScope();
        SafeTensorsFile.Write(Path, Named(("a", ones(1))));
        byte[] before = File.ReadAllBytes(Path);

        FluentActions.Invoking(() => SafeTensorsFile.Write(Path, Failing())).Should().Throw<NotSupportedException>();
        Action nowhere = () => SafeTensorsFile.Write(System.IO.Path.Combine(folder, "nowhere", "x.safetensors"), Named(("a", ones(1))));
        nowhere.Should().Throw<DirectoryNotFoundException>();

        File.ReadAllBytes(Path).Should().Equal(before);
        Directory.GetFileSystemEntries(folder).Should().Equal(Path);

        static IEnumerable<KeyValuePair<string, Tensor>> Failing()
        {
            yield return KeyValuePair.Create("b", ones(1));
            throw new NotSupportedException();
        }
    }

    [Fact]
    public void A_file_that_is_written_takes_the_place_of_a_longer_one()
    {
        using DisposeScope scope = NewDisposeScope();
        SafeTensorsFile.Write(Path, Named(("a", ones(1000))));
        SafeTensorsFile.Write(Path, Named(("b", ones(2))));
        using SafeTensors read = SafeTensorsFile.Read(Path);
        read.Tensors.Keys.Should().Equal("b");
        Directory.GetFileSystemEntries(folder).Should().Equal(Path);
    }

    private static IEnumerable<KeyValuePair<string, Tensor>> Named(params (string Name, Tensor Value)[] tensors) =>
        tensors.Select(t => KeyValuePair.Create(t.Name, t.Value));

    private void Save(string header, byte[] data)
    {
        byte[] json = Encoding.UTF8.GetBytes(header);
        byte[] length = new byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(length, json.Length);
        File.WriteAllBytes(Path, [.. length, .. json, .. data]);
    }
}
