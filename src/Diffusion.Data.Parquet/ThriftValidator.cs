namespace Diffusion.Data.Parquet;

/// <summary>
/// Validates a structure of Thrift's compact protocol before Parquet.Net reads it. Parquet.Net trusts its input: it allocates as many
/// elements as a list claims, reads a field by its number and ignores its type, and loops forever at the end of the data. Everything that
/// Parquet.Net would read differently is rejected.
/// </summary>
/// <param name="bytes">The bytes, positioned at the structure; afterwards behind it.</param>
/// <param name="number">Called with the structure, the field and the value of each number and Boolean, and the length of each list.</param>
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

    /// <summary>Validates a structure.</summary>
    /// <exception cref="InvalidDataException">The structure is invalid.</exception>
    /// <exception cref="NotSupportedException">The structure is too large.</exception>
    public void Walk(string structure)
    {
        if (++structures > ParquetBounds.Structures)
        {
            throw new NotSupportedException(
                $"Its footer has more than {ParquetBounds.Structures} parts, which is not supported. "
                + "Write larger row groups, or fewer columns.");
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
                throw new InvalidDataException($"Field {id} of a {structure} is of type {head & 15}, which cannot be skipped.");
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

    // Skips an unknown field like Parquet.Net, which cannot skip structures with fields, or lists of them.
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
            throw new InvalidDataException($"Field {id} of a {structure} is of type {type}, which is not the expected type.");
        }
    }
}
