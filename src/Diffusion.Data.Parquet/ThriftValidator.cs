namespace Diffusion.Data.Parquet;

/// <summary>
/// Walks over a structure of Thrift's compact protocol before Parquet.Net reads it. Parquet.Net believes what it reads: it takes memory for
/// as many elements as a list claims, reads a field as what its number says and not as what its type says, and at the end of its bytes
/// reads on forever. So whatever it would read otherwise than this walk is refused.
/// </summary>
/// <param name="bytes">Stand at the structure; at its end behind it.</param>
/// <param name="number">Told the structure, the field and the value of each number and truth value, and the length of each list.</param>
internal sealed class ThriftValidator(PackedBytes bytes, Action<string, int, long> number)
{
    private const int True = 1;
    private const int False = 2;
    private const int SingleByte = 3;
    private const int Short = 4;
    private const int Long = 6;
    private const int Double = 7;
    private const int Binary = 8;
    private const int Sequence = 9;
    private const int Structure = 12;

    private int structures;

    /// <summary>Walks over a structure.</summary>
    /// <exception cref="InvalidDataException">It is not as it must be.</exception>
    /// <exception cref="NotSupportedException">It is too large.</exception>
    public void Walk(string structure)
    {
        if (++structures > ParquetBounds.Structures)
        {
            throw new NotSupportedException(
                $"Its footer has more than {ParquetBounds.Structures} parts, which are not read. Write larger row groups, or fewer columns.");
        }

        long last = 0;
        for (int head = bytes.Next(); head != 0; head = bytes.Next())
        {
            long id = head >> 4 == 0 ? bytes.Signed(PackedBytes.Int32) : last + (head >> 4);
            if (id <= last || id > short.MaxValue)
            {
                throw new InvalidDataException($"Field {id} of a {structure} follows field {last}.");
            }

            last = id;
            if (ThriftShapes.Of(structure).TryGetValue((int)id, out string? kind))
            {
                Field(structure, (int)id, kind, head & 15);
            }
            else if (!TryStepOver(head & 15))
            {
                throw new InvalidDataException($"Field {id} of a {structure} is of type {head & 15}, which cannot be stepped over.");
            }
        }
    }

    private void Field(string structure, int id, string kind, int type)
    {
        if (kind == ThriftShapes.Bool)
        {
            Expect(type is True or False, structure, id, type);
            number(structure, id, type == True ? 1 : 0);
        }
        else if (kind[^1] == ThriftShapes.List)
        {
            Expect(type == Sequence, structure, id, type);
            (long count, int element) = bytes.List();
            for (long i = 0; i < count; i++)
            {
                Value(structure, id, kind[..^1], element);
            }

            number(structure, id, count);
        }
        else
        {
            Value(structure, id, kind, type);
        }
    }

    private void Value(string structure, int id, string kind, int type)
    {
        Expect(
            kind switch
            {
                ThriftShapes.Int32 or ThriftShapes.Int64 => type is >= Short and <= Long,
                ThriftShapes.Byte => type == SingleByte,
                ThriftShapes.Double => type == Double,
                ThriftShapes.Bytes => type == Binary,
                _ => type == Structure,
            },
            structure, id, type);
        switch (kind)
        {
            case ThriftShapes.Int32:
                number(structure, id, bytes.Signed(PackedBytes.Int32));
                break;
            case ThriftShapes.Int64:
                number(structure, id, bytes.Signed(PackedBytes.Int64));
                break;
            case ThriftShapes.Byte or ThriftShapes.Double or ThriftShapes.Bytes:
                _ = TryStepOver(type);
                break;
            default:
                Walk(kind);
                break;
        }
    }

    // As Parquet.Net does with a field that it does not know; it cannot step over a structure that has fields, nor over lists of them.
    private bool TryStepOver(int type)
    {
        switch (type)
        {
            case True or False:
                return true;
            case >= Short and <= Long:
                bytes.Unsigned(PackedBytes.Int64);
                return true;
            case SingleByte or Double or Binary:
                bytes.Skip(type switch { SingleByte => sizeof(byte), Double => sizeof(double),
                    _ => (long)bytes.Unsigned(PackedBytes.Int32) });
                return true;
            case Sequence:
                (long count, int element) = bytes.List();
                bool whole = count == 0 || element is >= SingleByte and <= Binary;
                for (long i = 0; whole && i < count; i++)
                {
                    TryStepOver(element);
                }

                return whole;
            default:
                return type == Structure && bytes.Next() == 0;
        }
    }

    private static void Expect(bool right, string structure, int id, int type)
    {
        if (!right)
        {
            throw new InvalidDataException($"Field {id} of a {structure} is of type {type}, which it must not be.");
        }
    }
}
