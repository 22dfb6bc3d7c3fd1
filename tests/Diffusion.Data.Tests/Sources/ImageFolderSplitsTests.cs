using Diffusion.TestKit;

namespace Diffusion.Data.Tests;

public sealed class ImageFolderSplitsTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Theory]
    [InlineData("train/0.png test/0.png")]
    [InlineData("train/cat/0.png train/dog/0.png test/cat/0.png test/dog/0.png")]
    [InlineData("images/train/0.png images/val/0.png labels/train/0.txt labels/val/0.txt")]
    [InlineData("TRAIN/0.png Validation/0.png")]
    [InlineData("train/0.png test/0.png annotations/all.json readme.txt")]
    [InlineData("train/0.png train/1.png test/0.png sheet.png")]
    [InlineData("train2017/0.png val2017/0.png")]
    [InlineData("training_set/training_set/cat/0.png test_set/test_set/cat/0.png")]
    [InlineData("seg_train/a/0.png seg_test/a/0.png")]
    [InlineData("cat/train/0.png cat/test/0.png dog/train/0.png dog/test/0.png")]
    public void Several_splits_are_an_error_with_their_names(string files)
    {
        Save(files);
        string[] splits = [.. ((string[])["train", "test", "val", "TRAIN", "Validation", "train2017", "val2017", "training_set", "test_set",
            "seg_train", "seg_test"])
            .Where(split => files.Split(' ').SelectMany(file => file.Split('/')[..^1]).Contains(split))];
        string message = ((Action)(() => ImageFolder.Open(folder.Path, 8))).Should().Throw<ImageDataException>().Which.Message;
        message.Should().Contain("2 splits").And.Contain("the split parameter").And.ContainAll(splits);
        splits.Should().HaveCount(2);
    }

    [Theory]
    [InlineData("train/0.png test/1.png", "train", "train/0.png", "")]
    [InlineData("train/cat/0.png train/dog/1.png test/cat/2.png", "train", "train/cat/0.png train/dog/1.png", "cat dog")]
    [InlineData("train/cat/0.png train/dog/1.png test/cat/2.png", "TEST", "test/cat/2.png", "")]
    [InlineData("train/cat/0.png val/dog/1.png test/cat/2.png", "all", "test/cat/2.png train/cat/0.png val/dog/1.png", "cat dog")]
    [InlineData("images/train/a/0.png images/train/b/0.png images/valid/0.png", "validation", "images/valid/0.png", "")]
    [InlineData("train2017/0.png val2017/1.png", "train", "train2017/0.png", "")]
    [InlineData("cat/train/0.png cat/test/1.png dog/train/2.png dog/test/3.png", "train", "cat/train/0.png dog/train/2.png", "cat dog")]
    [InlineData("train/0.png test/1.png notes.txt", null, null, null)]
    [InlineData("train/cat/0.png train/dog/1.png", null, "train/cat/0.png train/dog/1.png", "cat dog")]
    [InlineData("train/cat/0.png train/dog/1.png sheet.png", null, "train/cat/0.png train/dog/1.png", "cat dog")]
    [InlineData("train/cat/0.png train/dog/1.png", "all", "train/cat/0.png train/dog/1.png", "cat dog")]
    [InlineData("train/train/cat/0.png train/train/dog/1.png", null, "train/train/cat/0.png train/train/dog/1.png", "cat dog")]
    [InlineData("train/0.png bus/1.png", null, "bus/1.png train/0.png", "bus train")]
    [InlineData("express-train/0.png night-train/1.png", null, "express-train/0.png night-train/1.png", "express-train night-train")]
    [InlineData("archive/archive/cat/0.png archive/archive/dog/1.png", null, "archive/archive/cat/0.png archive/archive/dog/1.png",
        "cat dog")]
    [InlineData("cat/0.png dog/1.png", "all", "cat/0.png dog/1.png", "cat dog")]
    public void A_split_is_chosen_and_its_folders_are_the_classes(string files, string? split, string? taken, string? classes)
    {
        Save(files);
        Func<ImageFolder> open = () => ImageFolder.Open(folder.Path, 8, split: split);
        if (taken is null)
        {
            open.Should().Throw<ImageDataException>();
            return;
        }

        using ImageFolder images = open();
        string[] names = [.. images.Files.Select(file => Path.GetRelativePath(folder.Path, file))];
        names.Should().Equal(taken.Split(' '));
        images.ClassNames.Should().Equal(classes!.Split(' ', StringSplitOptions.RemoveEmptyEntries));
        for (int i = 0; i < names.Length && images.ClassCount is not null; i++)
        {
            names[i].Split('/').Should().Contain(images.ClassNames[(int)images.LabelOf(i)]);
        }
    }

    [Fact]
    public void A_missing_split_is_an_error_with_the_existing_ones()
    {
        Save("train/0.png test/0.png");
        Failure("validation").Should().Contain("\"validation\"").And.Contain("test, train");
    }

    [Fact]
    public void A_split_of_a_folder_without_splits_is_an_error_with_its_folders()
    {
        Save("cat/0.png dog/0.png");
        Failure("train").Should().Contain("\"train\"").And.Contain("no splits").And.Contain("cat, dog");
    }

    [Fact]
    public void The_description_contains_the_split()
    {
        Save("train/cat/0.png train/dog/1.png test/cat/2.png");
        using ImageFolder images = ImageFolder.Open(folder.Path, new ImagePreparation { Size = 8 },
            "train");
        images.Description.Should().Contain($"2 images from {folder.Path}, split train, 2 classes");
        images.Report.Skipped.Should().BeEmpty();
    }

    private string Failure(string split) =>
        ((Action)(() => ImageFolder.Open(folder.Path, 8, split: split))).Should()
            .Throw<ImageDataException>().Which.Message;

    private void Save(string files)
    {
        foreach (string file in files.Split(' '))
        {
            File.WriteAllText(folder.File(file), "not looked into");
        }
    }
}
