using System.Text;

namespace Diffusion.Data.Parquet.Tests;

/// <summary>Writes any structure of Thrift's compact protocol, valid or not.</summary>
internal sealed class Thrift
{
    private const int LongType = 6;
    private const int BinaryType = 8;
    private const int ListType = 9;
    private const int StructType = 12;

    private readonly List<byte> bytes = [];
    private int last;

    /// <summary>The bytes of the structure, including its end.</summary>
    public byte[] ToBytes() => [.. bytes, 0];

    public Thrift Number(int field, long value) => Head(field, LongType).Signed(value);

    public Thrift Text(int field, string value) => Bytes(field, Encoding.UTF8.GetBytes(value));

    public Thrift Bytes(int field, byte[] value) => Head(field, BinaryType).Unsigned((ulong)value.Length).Raw(value);

    public Thrift Struct(int field, Thrift value) => Head(field, StructType).Raw(value.ToBytes());

    public Thrift Structs(int field, params Thrift[] values) =>
        ListOf(field, values.Length, StructType).Raw([.. values.SelectMany(value => value.ToBytes())]);

    public Thrift Texts(int field, params string[] values)
    {
        ListOf(field, values.Length, BinaryType);
        foreach (byte[] value in values.Select(Encoding.UTF8.GetBytes))
        {
            Unsigned((ulong)value.Length).Raw(value);
        }

        return this;
    }

    public Thrift Numbers(int field, params long[] values)
    {
        ListOf(field, values.Length, LongType);
        foreach (long value in values)
        {
            Signed(value);
        }

        return this;
    }

    /// <summary>The header of a list, without its elements.</summary>
    public Thrift ListOf(int field, long count, int type) => Head(field, ListType).Raw((byte)(0xF0 | type)).Unsigned((ulong)count);

    public Thrift Raw(params byte[] value)
    {
        bytes.AddRange(value);
        return this;
    }

    private Thrift Head(int field, int type)
    {
        Raw((byte)((field - last is > 0 and < 16 and int step ? step << 4 : 0) | type));
        if (field - last is not (> 0 and < 16))
        {
            Signed(field);
        }

        last = field;
        return this;
    }

    private Thrift Signed(long value) => Unsigned((ulong)((value << 1) ^ (value >> 63)));

    private Thrift Unsigned(ulong value)
    {
        for (; value > 0x7F; value >>= 7)
        {
            Raw((byte)(value | 0x80));
        }

        return Raw((byte)value);
    }
}
