using System.Buffers.Binary;
using System.Text;

namespace Diffusion.TestKit.Fuzzing;

/// <summary>A valid file of tensors.</summary>
/// <param name="Json">The file, and the tokens of its header.</param>
/// <param name="DataBytes">The number of bytes after the header.</param>
internal sealed record SafeTensorsSeed(JsonSeed Json, int DataBytes)
{
    private static readonly string[] Telling =
    [
        "\"F64\"", "\"F32\"", "\"F16\"", "\"BF16\"", "\"I64\"", "\"I32\"", "\"I16\"", "\"I8\"", "\"U8\"", "\"BOOL\"", "\"U16\"",
            "\"F8_E4M3\"", "\"F33\"",
        "\"dtype\"", "\"shape\"", "\"data_offsets\"", "\"dtyp\\u0065\"", "\"__metadata__\"", "\"__metadata__\":{},",
            "\"__metadata__\":{\"a\":\"b\"},",
        "\"__metadata__\":{\"a\":\"b\",\"\\u0061\":\"c\"},", "\"x\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]},",
            "\"shape\":[0],", "0,", "1,",
        "4611686018427387904,", "3037000500,3037000500,", "0,4294967296,4294967296,", "[4,0]",
    ];

    /// <summary>Files with every dtype, scalars, empty tensors, metadata, and names of all kinds.</summary>
    public static SafeTensorsSeed[] All { get; } =
    [
        Of(0, "{}"),
        Of(4, """{"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}}"""),
        Of(6, """{"b":{"dtype":"BOOL","shape":[2,3],"data_offsets":[0,6]}}"""),
        Of(4, """{"scalar":{"dtype":"F32","shape":[],"data_offsets":[0,4]},"none":{"dtype":"F32","shape":[2,0,3],"data_offsets":[4,4]}}"""),
        Of(24, """{"__metadata__":{"format":"pt"},"w":{"dtype":"F32","shape":[2,2],"data_offsets":[0,16]},"b":"""
            + """{"dtype":"F32","shape":[2],"data_offsets":[16,24]}}"""),
        Of(0, """{"__metadata__":{"a":"","b":"schön","c":"\u0000\ud83d\ude00"}}   """),
        Of(3, """{"é/../😀\"":{"dtype":"BF16","shape":[1,1,1,1],"data_offsets":[0,2]},"\u0061\n":"""
            + """{"data_offsets":[2,3],"shape":[1],"dtype":"I8"}}"""),
        Of(14, """{ "b" : { "dtype" : "F16", "shape" : [ 3 ], "data_offsets" : [ 8, 14 ] } , "a" : """
            + """{ "dtype" : "F64", "shape" : [ 1 ], "data_offsets" : [ 0, 8 ] } } """),
        Of(2, $$$"""{"{{{new string('n', 300)}}}":{"dtype":"I16","shape":"""
            + $$$"""[{{{string.Join(",", Enumerable.Repeat(1, 60))}}}],"data_offsets":[0,2]}}"""),
        Of(21, """{"q":{"dtype":"I64","shape":[2],"data_offsets":[0,16]},"r":"""
            + """{"dtype":"I32","shape":[1],"data_offsets":[16,20]},"s":{"dtype":"BOOL","shape":[1],"data_offsets":[20,21]}}"""),
    ];

    private static SafeTensorsSeed Of(int dataBytes, string header)
    {
        byte[] json = Encoding.UTF8.GetBytes(header);
        byte[] file = new byte[SafeTensorsHeader.PrefixBytes + json.Length + dataBytes];
        BinaryPrimitives.WriteInt64LittleEndian(file, json.Length);
        json.CopyTo(file, SafeTensorsHeader.PrefixBytes);
        file.AsSpan(file.Length - dataBytes).Fill(1);
        using MemoryStream stream = new(file);
        SafeTensorsFile.ReadFrom(stream, "seed").Dispose();
        return new SafeTensorsSeed(new JsonSeed(file, SafeTensorsHeader.PrefixBytes, json.Length, Telling), dataBytes);
    }
}
