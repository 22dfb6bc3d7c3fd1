using System.Diagnostics;
using System.Text;
using Diffusion.TestKit;

namespace Diffusion.Data.Tests;

public sealed class ImageFolderReportTests : IDisposable
{
    private static readonly byte[] Jpeg = [0xFF, 0xD8, 0xFF, 0xE0, 0, 16];

    private readonly TemporaryFolder folder = new();

    // .NET cannot delete a file whose name is not UTF-8.
    public void Dispose()
    {
        if (OperatingSystem.IsLinux())
        {
            Shell("rm -rf -- \"$1\"/* \"$1\"/.[!.]*");
        }

        folder.Dispose();
    }

    [Fact]
    public void A_folder_without_other_files_reports_nothing_skipped()
    {
        Save("cat/0.png", "dog/0.png", "notes.txt", "labels.json", ".DS_Store", "cat/Thumbs.db", "cat/desktop.ini");
        using ImageFolder images = ImageFolder.Open(folder.Path, 8);
        images.Report.Should().BeEquivalentTo(new ImageSourceReport(2, []));
        images.ToString().Should().Be(images.Description);
    }

    [Fact]
    public void A_few_images_next_to_class_folders_are_skipped()
    {
        Save("cat/0.png", "cat/1.png", "dog/0.png", "dog/1.png", "contact-sheet.png");
        using ImageFolder images = ImageFolder.Open(folder.Path, 8);
        (images.Count, images.ClassCount).Should().Be((4, 2));
        Skipped(images, "next to the class folders").Examples.Should().Equal("contact-sheet.png");
        images.ToString().Should().Contain("1 skipped").And.Contain("contact-sheet.png");
    }

    [Fact]
    public void With_a_majority_of_images_next_to_the_folders_there_are_no_classes()
    {
        Save("0.png", "1.png", "2.png", "old/3.png", "spare/4.png");
        using ImageFolder images = ImageFolder.Open(folder.Path, 8);
        (images.Count, images.ClassCount).Should().Be((5, null));
        images.Description.Should().Contain("no classes because 3 of them are next to the 2 subfolders");
    }

    [Fact]
    public void All_extensions_of_JPEG_are_used_and_unsupported_formats_are_counted()
    {
        Save("a.jpg", "b.jfif", "c.JPE", "d.heic", "e.TIFF", "f.dib", "g.svg", "h.txt");
        using ImageFolder images = ImageFolder.Open(folder.Path, 8);
        Names(images).Should().Equal("a.jpg", "b.jfif", "c.JPE", "f.dib");
        Skipped(images, "unsupported formats").Examples.Should().Equal("d.heic", "e.TIFF", "g.svg");
    }

    [Fact]
    public void Images_without_an_image_extension_are_reported()
    {
        Save("a.jpg", "README");
        File.WriteAllBytes(folder.File("photo"), Jpeg);
        File.WriteAllBytes(folder.File("photo.jpg_large"), Jpeg);
        File.WriteAllBytes(folder.File("Dr. Who"), Jpeg);
        for (int i = 0; i < 100; i++)
        {
            File.WriteAllText(folder.File($"{i}.txt"), "a caption");
        }

        using ImageFolder images = ImageFolder.Open(folder.Path, 8);
        images.Count.Should().Be(1);
        images.Report.Skipped.Should().ContainSingle().Which.Examples.Should().Equal("Dr. Who", "photo", "photo.jpg_large");
    }

    [Fact]
    public void System_files_are_neither_classes_nor_images()
    {
        string[] folders = ["@eaDir", "#recycle", "$RECYCLE.BIN", "System Volume Information", "lost+found", "__MACOSX", "@Recycle",
            ".@__thumb", "#snapshot", ".ipynb_checkpoints", ".Trash-1000"];
        Save("cat/0.png", "dog/0.png", "cat/._0.png", "cat/@eaDir/0.png/SYNOPHOTO_THUMB_M.png");
        Save([.. folders.Select(name => $"{name}/deep/x.png")]);
        using ImageFolder images = ImageFolder.Open(folder.Path, 8);
        Names(images).Should().Equal("cat/0.png", "dog/0.png");
        images.ClassNames.Should().Equal("cat", "dog");
        SkippedImages part = images.Report.Skipped.Should().ContainSingle().Which;
        (part.Count, part.IsExpected).Should().Be((folders.Length + 2, true));
    }

    [Theory]
    [InlineData("@eaDir")]
    [InlineData(".hidden")]
    [InlineData("lost+found")]
    public void The_given_folder_is_opened_whatever_its_name(string name)
    {
        Save($"{name}/0.png");
        using ImageFolder images = ImageFolder.Open(Path.Combine(folder.Path, name), 8);
        images.Count.Should().Be(1);
    }

    [Theory]
    [InlineData("good/a.png", "pi\xf1" + "a/b.png")]
    [InlineData("good.png", "caf\xe9.png")]
    [InlineData("good.png", "caf\xe9.png", "caf\xe8.png")]
    public void Names_that_are_not_UTF8_are_an_error_with_a_remedy(params string[] names)
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Other systems allow no such names.");
        foreach (string name in names)
        {
            SaveLatin1(name);
        }

        string message = ((Action)(() => ImageFolder.Open(folder.Path, 8))).Should().Throw<ImageDataException>().Which.Message;
        message.Should().StartWith(folder.Path).And.Contain($"{names.Length - 1} names").And.Contain("not valid UTF-8").And.Contain(
            "convmv")
            .And.Contain(names[1].Split('/')[0].Replace('\xf1', '\uFFFD').Replace('\xe9', '\uFFFD'));
    }

    [Fact]
    public void Names_that_are_not_UTF8_do_not_matter_for_other_files()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Other systems allow no such names.");
        Save("\uFFFD.png", "good.png");
        SaveLatin1("caf\xe9.txt");
        SaveLatin1(".caf\xe9/a.png");
        using ImageFolder images = ImageFolder.Open(folder.Path, 8);
        Names(images).Should().Equal("good.png", "\uFFFD.png");
    }

    [Fact]
    public void Unusual_names_are_supported()
    {
        string[] names = ["-x/a.png", "a\nb/c.png", "back\\slash/d.png", "end /e .png", "many.dots.v1/f.g.png", "ünï/ö.png",
            string.Join('/', Enumerable.Repeat(new string('n', 200), 10)) + "/z.png"];
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Other systems allow no such names.");
        Save(names);
        Save("a\nb/._x.png");
        using ImageFolder images = ImageFolder.Open(folder.Path, 8);
        Names(images).Should().Equal(names.Order(StringComparer.Ordinal));
        images.Files.Should().OnlyContain(file => File.Exists(file));
        images.ClassNames.Should().HaveCount(7);
        images.ToString().Split('\n').Should().HaveCount(2);
    }

    [Fact]
    public void Folders_whose_names_look_the_same_are_one_class()
    {
        Save("caf\u00e9/a.png", "cafe\u0301/b.png", "tea/c.png");
        using ImageFolder images = ImageFolder.Open(folder.Path, 8);
        images.ClassNames.Should().Equal("caf\u00e9", "tea");
        Enumerable.Range(0, 3).Select(i => images.ClassNames[(int)images.LabelOf(i)]).Order(StringComparer.Ordinal).Should()
            .Equal("caf\u00e9", "caf\u00e9", "tea");
    }

    [Fact]
    public void Git_LFS_pointers_are_reported_at_opening()
    {
        string pointer = $"version https://git-lfs.github.com/spec/v1\noid sha256:{new string('5', 64)}\nsize 143131234\n";
        File.WriteAllText(folder.File("a.png"), pointer);
        ((Action)(() => ImageFolder.Open(folder.Path, 8))).Should().Throw<ImageDataException>().Which.Message.Should()
            .Contain("Git LFS").And.Contain("git lfs pull").And.Contain("a.png");

        Save("b.png");
        using ImageFolder images = ImageFolder.Open(folder.Path, 8);
        Names(images).Should().Equal("b.png");
        Skipped(images, "git lfs pull").Examples.Should().Equal("a.png");
    }

    [Fact]
    public void A_wrapping_source_has_the_report_of_its_source()
    {
        ImageCodec.Save(new DecodedImage(1, 1, 1, [9]), folder.File("a.png"));
        Save("b.heic");
        using IImageSource images = InMemoryImages.Load(ImageFolder.Open(folder.Path, 8),
            cancellationToken: TestContext.Current.CancellationToken)
            .With(ImageTransform.RandomFlip());
        images.Report.Skipped.Should().ContainSingle().Which.Examples.Should().Equal("b.heic");
    }

    private static SkippedImages Skipped(ImageFolder images, string reason) =>
        images.Report.Skipped.Single(part => part.Reason.Contains(reason, StringComparison.Ordinal));

    private IEnumerable<string> Names(ImageFolder images) => images.Files.Select(file => Path.GetRelativePath(folder.Path, file));

    private void Save(params string[] names)
    {
        foreach (string name in names)
        {
            File.WriteAllText(folder.File(name), "not looked into");
        }
    }

    // .NET cannot create such a name.
    private void SaveLatin1(string name)
    {
        string escaped = string.Concat(Encoding.Latin1.GetBytes(name).Select(part => $"\\{Convert.ToString(part, 8).PadLeft(3, '0')}"));
        Shell($"cd \"$1\" && n=$(printf '{escaped}') && mkdir -p \"$(dirname \"$n\")\" && : > \"$n\"");
    }

    private void Shell(string command)
    {
        using Process shell = Process.Start("sh", ["-c", command, "sh", folder.Path]);
        shell.WaitForExit();
        shell.ExitCode.Should().Be(0);
    }
}
