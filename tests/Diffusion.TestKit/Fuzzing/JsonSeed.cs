using System.Text;
using System.Text.Json;

namespace Diffusion.TestKit.Fuzzing;

/// <summary>A file that contains a JSON text, and the places of its tokens, so that they can be exchanged.</summary>
internal sealed class JsonSeed
{
    private const int MaxDepth = 64;

    private static readonly byte[][] Values =
    [
        .. ((string[])
        [
            "0", "1", "2", "-1", "-0", "1e1", "1.0", "0.5", "1e400", "-1e400", "1E-400", "4294967296", "2147483647", "2147483648",
                "-2147483649", "9223372036854775807",
            "9223372036854775808", "-9223372036854775809", "18446744073709551616", "null", "true", "false", "[]", "{}", "[0]", "[0,0]",
                "[null]", "[[[[[[[[0]]]]]]]]",
            "{\"a\":{\"b\":{\"c\":{}}}}", "\"\"", "\"a\"", "\"\\u0061\"", "\"\\u0000\"", "\"\\ud800\"", "\"\\ud83d\\ude00\"", "\"../a\"",
                "\"schön 😀\"",
        ]).Select(Encoding.UTF8.GetBytes),
    ];

    private static readonly byte[][] Broken =
    [
        .. ((string[])["016", "1e", "+1", ".5", "NaN", "Infinity", "nul", "\"\\x\"", "\"a", ",", ":", "{", "}", "[", "]", "/**/", "//",
            "\t\r\n", "\0", "\uFEFF"])
            .Select(Encoding.UTF8.GetBytes),
    ];

    private readonly Token[] tokens;
    private readonly Token[][] ofType;
    private readonly byte[][] telling;

    /// <summary>Creates a seed.</summary>
    /// <param name="file">The file.</param>
    /// <param name="first">The start of the text.</param>
    /// <param name="length">Its length in bytes.</param>
    /// <param name="telling">Values, names and members that reach edge cases of a reader, in addition to those of JSON.</param>
    public JsonSeed(byte[] file, int first, int length, params string[] telling)
    {
        Bytes = file;
        this.telling = [.. Values, .. telling.Select(Encoding.UTF8.GetBytes)];
        tokens = TokensOf(file.AsSpan(first, length), first);
        ofType = [.. Enum.GetValues<JsonTokenType>().Select(type => tokens.Where(token => token.Type == type).ToArray())];
    }

    /// <summary>The file.</summary>
    public byte[] Bytes { get; }

    /// <summary>Makes the file the input and exchanges some tokens, from the last to the first, so that places stay valid.</summary>
    /// <param name="input">Receives the file.</param>
    /// <param name="damages">The maximum number of tokens.</param>
    /// <param name="random">The random numbers.</param>
    public void Write(FuzzBytes input, int damages, ref SplitMix64 random)
    {
        input.Set(Bytes);
        int place = tokens.Length;
        while (damages-- > 0 && place > 0)
        {
            place = place == 1 || random.Below(64) == 0 ? 0 : 1 + random.Below(place - 1); // The whole text is rarely exchanged.
            Exchange(input, place, ref random);
        }
    }

    /// <summary>Inserts many copies of a token into the text where they fit; the input must be the unchanged file.</summary>
    /// <param name="input">The input.</param>
    /// <param name="maxBytes">The maximum number of added bytes.</param>
    /// <param name="random">The random numbers.</param>
    public void Flood(FuzzBytes input, int maxBytes, ref SplitMix64 random)
    {
        JsonFlood flood = JsonFlood.All[random.Below(JsonFlood.All.Count)];
        Token[] places = ofType[(int)flood.Inside];
        if (places.Length > 0)
        {
            Token place = places[random.Below(places.Length)];
            input.Insert(place.First + 1, flood.Part(1 + random.Below(maxBytes)));
        }
    }

    private void Exchange(FuzzBytes input, int place, ref SplitMix64 random)
    {
        Token token = tokens[place];
        bool isName = token.Type == JsonTokenType.PropertyName;
        Token[] kin = ofType[(int)token.Type];
        switch (random.Below(32))
        {
            case < 2:
                input.Insert(token.First, telling[random.Below(telling.Length)]);
                break;
            case < 8:
                input.Insert(token.First, " \t\r\n    "u8[..(1 + random.Below(8))]);
                break;
            case 8:
                Exchange(input, token, Broken[random.Below(Broken.Length)]);
                break;
            case < 11:
                input.Remove(token.First, isName ? MemberAt(place) : token.Length);
                break;
            case 11:
            case < 20 when !isName:
                Exchange(input, token, telling[random.Below(telling.Length)]);
                break;
            case < 22 when !isName:
                Exchange(input, token, PartAt(tokens[random.Below(tokens.Length)]));
                break;
            default:
                Exchange(input, token, PartAt(kin[random.Below(kin.Length)]));
                break;
        }
    }

    private static void Exchange(FuzzBytes input, Token token, ReadOnlySpan<byte> other)
    {
        input.Remove(token.First, token.Length);
        input.Insert(token.First, other);
    }

    private ReadOnlySpan<byte> PartAt(Token token) => Bytes.AsSpan(token.First, token.Length);

    // The bytes up to the next name of the same object; of its last one, only the name.
    private int MemberAt(int place)
    {
        Token name = tokens[place];
        foreach (Token next in tokens.AsSpan(place + 1))
        {
            if (next.Type == name.Type && next.Depth <= name.Depth)
            {
                return next.Depth == name.Depth ? next.First - name.First : name.Length;
            }
        }

        return name.Length;
    }

    // Objects and arrays are whole: from the first bracket to the last.
    private static Token[] TokensOf(ReadOnlySpan<byte> text, int first)
    {
        List<Token> found = [];
        int[] open = new int[MaxDepth];
        Utf8JsonReader reader = new(text);
        while (reader.Read())
        {
            int place = first + (int)reader.TokenStartIndex;
            if (reader.TokenType is JsonTokenType.EndObject or JsonTokenType.EndArray)
            {
                int start = open[reader.CurrentDepth];
                found[start] = found[start] with { Length = place + 1 - found[start].First };
                continue;
            }

            open[reader.CurrentDepth] = found.Count;
            bool isQuoted = reader.TokenType is JsonTokenType.PropertyName or JsonTokenType.String;
            found.Add(new Token(place, reader.ValueSpan.Length + (isQuoted ? 2 : 0), reader.TokenType, reader.CurrentDepth));
        }

        return [.. found];
    }

    /// <summary>A part of the text.</summary>
    /// <param name="First">Its first byte.</param>
    /// <param name="Length">Its length in bytes.</param>
    /// <param name="Type">The type of the token, or of its start.</param>
    /// <param name="Depth">The number of objects and arrays around it.</param>
    private readonly record struct Token(int First, int Length, JsonTokenType Type, int Depth);
}
