namespace Diffusion.Training;

/// <summary>Letters of 5 x 9 dots, for pictures on computers that may have no font.</summary>
internal static class PixelFont
{
    /// <summary>Dots from one letter to the next.</summary>
    public const int Advance = 6;

    /// <summary>Dots from the top of a letter to the line that it stands on.</summary>
    public const int BaseLine = 7;

    private static readonly (string Letters, string Dots)[] Drawn =
    [
        (
            "0123456789.,-+:",
            """
            .###. ..#.. .###. .###. ...#. ##### .###. ##### .###. .###. ..... ..... ..... ..... .....
            #...# .##.. #...# #...# ..##. #.... #.... ....# #...# #...# ..... ..... ..... ..#.. ..##.
            #..## ..#.. ....# ....# .#.#. ####. #.... ...#. #...# #...# ..... ..... ..... ..#.. ..##.
            #.#.# ..#.. ...#. ..##. #..#. ....# ####. ..#.. .###. .#### ..... ..... .###. ##### .....
            ##..# ..#.. ..#.. ....# ##### ....# #...# ..#.. #...# ....# ..... ..... ..... ..#.. ..##.
            #...# ..#.. .#... #...# ...#. #...# #...# ..#.. #...# ....# ..##. ..##. ..... ..#.. ..##.
            .###. .###. ##### .###. ...#. .###. .###. ..#.. .###. .###. ..##. ..##. ..... ..... .....
            ..... ..... ..... ..... ..... ..... ..... ..... ..... ..... ..... ..#.. ..... ..... .....
            ..... ..... ..... ..... ..... ..... ..... ..... ..... ..... ..... ..... ..... ..... .....
            """),
        (
            "abcdefghijklm",
            """
            ..... #.... ..... ....# ..... ..##. ..... #.... ..#.. ...#. #.... .##.. .....
            ..... #.... ..... ....# ..... .#..# ..... #.... ..... ..... #.... ..#.. .....
            .###. ####. .###. .#### .###. .#... .#### #.##. .##.. ..##. #..#. ..#.. ##.#.
            ....# #...# #...# #...# #...# ###.. #...# ##..# ..#.. ...#. #.#.. ..#.. #.#.#
            .#### #...# #.... #...# ##### .#... #...# #...# ..#.. ...#. ##... ..#.. #.#.#
            #...# #...# #...# #...# #.... .#... #...# #...# ..#.. ...#. #.#.. ..#.. #.#.#
            .#### ####. .###. .#### .###. .#... .#### #...# .###. ...#. #..#. .###. #.#.#
            ..... ..... ..... ..... ..... ..... ....# ..... ..... #..#. ..... ..... .....
            ..... ..... ..... ..... ..... ..... .###. ..... ..... .##.. ..... ..... .....
            """),
        (
            "nopqrstuvwxyz",
            """
            ..... ..... ..... ..... ..... ..... .#... ..... ..... ..... ..... ..... .....
            ..... ..... ..... ..... ..... ..... .#... ..... ..... ..... ..... ..... .....
            #.##. .###. ####. .#### #.##. .#### ####. #...# #...# #...# #...# #...# #####
            ##..# #...# #...# #...# ##..# #.... .#... #...# #...# #...# .#.#. #...# ...#.
            #...# #...# #...# #...# #.... .###. .#... #...# #...# #.#.# ..#.. #...# ..#..
            #...# #...# #...# #...# #.... ....# .#..# #..## .#.#. #.#.# .#.#. #...# .#...
            #...# .###. ####. .#### #.... ####. ..##. .##.# ..#.. .#.#. #...# .#### #####
            ..... ..... #.... ....# ..... ..... ..... ..... ..... ..... ..... ....# .....
            ..... ..... #.... ....# ..... ..... ..... ..... ..... ..... ..... .###. .....
            """),
    ];

    private static readonly Dictionary<char, (int Column, int Row)[]> Letters =
        Drawn.SelectMany(band => band.Letters.Select((letter, place) => (letter, Dots: Read(band.Dots, place))))
            .ToDictionary(drawn => drawn.letter, drawn => drawn.Dots);

    /// <summary>The dots of a letter.</summary>
    /// <exception cref="ArgumentOutOfRangeException">There is no such letter.</exception>
    public static IReadOnlyList<(int Column, int Row)> DotsOf(char letter) =>
        letter == ' ' ? []
        : Letters.TryGetValue(letter, out (int Column, int Row)[]? dots) ? dots
        : throw new ArgumentOutOfRangeException(nameof(letter), letter,
            $"'{letter}' is not drawn. Use lower-case letters, digits, and . , - + :");

    private static (int Column, int Row)[] Read(string band, int place) =>
    [
        .. band.Split('\n').SelectMany((line, row) => Enumerable.Range(0, Advance - 1)
            .Where(column => line[(place * Advance) + column] == '#').Select(column => (column, row))),
    ];
}
