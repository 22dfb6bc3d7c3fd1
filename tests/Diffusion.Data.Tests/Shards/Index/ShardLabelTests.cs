using System.Formats.Tar;
using System.Text;

namespace Diffusion.Data.Tests.Shards;

public sealed class ShardLabelTests : IDisposable
{
    private readonly ShardFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Theory]
    [InlineData("cls", "1")]
    [InlineData("cls", "\uFEFF1\r\n")]
    [InlineData("cls", " 1.0\n")]
    [InlineData("json", "{\"label\": 1}")]
    [InlineData("json", "\uFEFF{\"label\": 1.0}")]
    [InlineData("json", "{\"label\": 1e0, \"similarity\": NaN, \"low\": [-Infinity, Infinity]}")]
    [InlineData("json", "{\"cls\": 1, \"\\ud800\": \"\\udfff\"}")]
    [InlineData("json", "{\"label\": 0, \"label\": 1}")]
    [InlineData("json", "{\"id\": 123456789012345678901234567890, \"label\": 1}")]
    [InlineData("json", "{\"label\": 1, \"cls\": \"dog\"}")]
    public void Integers_are_labels_in_any_notation(string extension, string text)
    {
        Write(("a." + extension, text), ("b." + extension, text));
        using ShardedImages images = Open();
        (images.ClassCount, images.LabelOf(0), images.LabelOf(1)).Should().Be((2, 1, 1));
    }

    [Theory]
    [InlineData("cls", "dog", "cls is \"dog\"")]
    [InlineData("cls", "-1", "cls is \"-1\"")]
    [InlineData("cls", "1.5", "cls is \"1.5\"")]
    [InlineData("cls", "", "cls is \"\"")]
    [InlineData("cls", "1\n2", "cls is \"1 2\"")]
    [InlineData("cls", "1,0", "cls is \"1,0\"")]
    [InlineData("cls", "99999999999", "cls is \"99999999999\"")]
    [InlineData("json", "{\"label\": \"1\"}", "label in json is \"1\"")]
    [InlineData("json", "{\"label\": \"cat\"}", "label in json is \"cat\"")]
    [InlineData("json", "{\"cls\": -1}", "cls in json is -1")]
    [InlineData("json", "{\"label\": 0.5}", "label in json is 0.5")]
    [InlineData("json", "{\"label\": NaN}", "label in json is NaN")]
    [InlineData("json", "{\"label\": null}", "label in json is null")]
    [InlineData("json", "{\"label\": true}", "label in json is true")]
    [InlineData("json", "{\"label\": [1]}", "label in json is *1*")]
    [InlineData("json", "{\"label\": 1e99}", "label in json is 1e99")]
    [InlineData("json", "{\"label\": 1", "json is damaged")]
    public void An_invalid_label_is_an_error_with_its_sample_and_value(string extension, string text, string said)
    {
        Write(("a." + extension, extension == "cls" ? "0" : "{\"label\": 0}"), ("b." + extension, text));
        FluentActions.Invoking(() => Open()).Should().Throw<ImageDataException>()
            .WithMessage($"*1 of its samples cannot be read: b ({said}*ShardOptions.Map*");

        using ShardedImages images = Open(folder.Options with { SkipDamaged = true });
        (images.Count, images.ClassCount).Should().Be((1, 1));
        images.Report.Skipped.Should().ContainSingle().Which.Count.Should().Be(1);
        using ShardedImages mapped = Open(folder.Options with { Map = _ => ("png", null) });
        (mapped.Count, mapped.ClassCount).Should().Be((2, null));
    }

    [Theory]
    [InlineData("{\"caption\": \"a dog\", \"similarity\": NaN}")]
    [InlineData("[1, 2]")]
    [InlineData("{\"meta\": {\"label\": 3}}")]
    [InlineData("not json at all")]
    [InlineData("")]
    public void Damaged_JSON_without_a_label_is_ignored(string json)
    {
        Write(("a.json", json), ("b.json", "{}"));
        using ShardedImages images = Open();
        (images.Count, images.ClassCount).Should().Be((2, null));
    }

    [Fact]
    public void A_label_above_the_class_count_is_an_error_with_its_sample()
    {
        Write(("a.cls", "0"), ("b.cls", "5"));
        FluentActions.Invoking(() => Open(folder.Options with { ClassCount = 3 })).Should().Throw<ImageDataException>()
            .WithMessage("*sample b in *a.tar has the label 5, but ShardOptions.ClassCount is 3*");
    }

    [Fact]
    public void Partial_labels_are_an_error_with_the_samples_without_one()
    {
        Write(("a.cls", "0"), ("b.txt", "5"));
        FluentActions.Invoking(() => Open()).Should().Throw<ImageDataException>()
            .WithMessage("*1 of 2 samples have a label*Without a label, in *a.tar: b (.txt, .png)*first dot*");
    }

    private void Write(params (string Name, string Text)[] files) => File.WriteAllBytes(
        folder.PathOf("a.tar"),
        TarReaderTests.Archive(TarEntryFormat.Ustar,
            [.. files.SelectMany(file => ((string, byte[])[])[(file.Name, Encoding.UTF8.GetBytes(file.Text)),
                (file.Name[..2] + "png", ShardFolder.Image(1))])]));

    private ShardedImages Open(ShardOptions? options = null) =>
        ShardedImages.Open(folder.PathOf("a.tar"), ShardFolder.Preparation, options ?? folder.Options,
            TestContext.Current.CancellationToken);
}
