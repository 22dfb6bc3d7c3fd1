using CsCheck;
using Diffusion.TestKit;

namespace Diffusion.Data.Tests;

/// <summary>Random folder trees with links between them. Every file contains its own path, which identifies it.</summary>
public sealed class ImageFolderTreesTests
{
    private static readonly string[] Folders = ["a", "b", "c", "@eaDir", ".h"];
    private static readonly string[] FileNames = ["0.png", "1.jpg", "2.jfif", "3.txt", "4.heic", "._5.png"];

    private static readonly Gen<string> FolderPath =
        Gen.Select(OneOf("set", "set", "far"), OneOf(Folders).List[1, 3]).Select((top, parts) => $"{top}/{string.Join('/', parts)}");

    private static readonly Gen<Tree> Trees = Gen.Select(
        Gen.Select(FolderPath, OneOf(FileNames)).Select((path, name) => $"{path}/{name}").List[1, 15],
        Gen.Select(FolderPath, OneOf("l", "m"), FolderPath)
            .Select((path, name, target) => (Name: $"{path}/{name}", Target: target)).List[0, 8])
        .Select((files, links) => new Tree([.. files.Distinct()], [.. links.DistinctBy(link => link.Name)]));

    [Fact]
    public void Every_image_is_used_once_with_its_own_label_whatever_the_links() => Trees.Sample(
        tree =>
        {
            using TemporaryFolder temporary = new();
            tree.Write(temporary, tree.Files, tree.Links);
            HashSet<string> own = [.. tree.Files.Where(file => file.StartsWith("set/", StringComparison.Ordinal) && IsImage(file))];
            string[] taken = Taken(temporary, out string report, out ImageFolder? images);
            using (images)
            {
                string[] real = [.. taken.Select(name => File.ReadAllText(Path.Combine(temporary.Path, name)))];
                real.Should().OnlyHaveUniqueItems(report);
                string[] missing = [.. own.Except(real)];
                SkippedImages? strays = images?.Report.Skipped.SingleOrDefault(part => part.Reason.Contains("belong to no class",
                    StringComparison.Ordinal));
                missing.Length.Should().BeLessThanOrEqualTo((int)(strays?.Count ?? 0), report);
                if (strays?.Count <= SkippedImages.MaxExamples)
                {
                    missing.Select(file => file["set/".Length..]).Should().BeSubsetOf(strays.Examples, report);
                }

                Array.TrueForAll(real, IsRead).Should().BeTrue(report);
                taken.Where(own.Contains).Should().BeEquivalentTo(own.Except(missing), "own names win");
                for (int i = 0; images?.ClassCount is not null && i < taken.Length; i++)
                {
                    taken[i].Split('/').Should().Contain(images.ClassNames[(int)images.LabelOf(i)]);
                }
            }
        },
        iter: 300, threads: 1);

    [Fact]
    public void The_order_in_which_files_were_created_does_not_matter() => Trees.Sample(
        tree =>
        {
            using TemporaryFolder one = new();
            using TemporaryFolder other = new();
            tree.Write(one, tree.Files, tree.Links);
            tree.Write(other, tree.Files.AsEnumerable().Reverse(), tree.Links.AsEnumerable().Reverse());
            string[] first = Taken(one, out string firstReport, out ImageFolder? images);
            images?.Dispose();
            string[] second = Taken(other, out string secondReport, out images);
            images?.Dispose();
            first.Should().Equal(second);
            firstReport.Replace(one.Path, string.Empty, StringComparison.Ordinal).Should()
                .Be(secondReport.Replace(other.Path, string.Empty, StringComparison.Ordinal));
        },
        iter: 150, threads: 1);

    private static string[] Taken(TemporaryFolder temporary, out string report, out ImageFolder? images)
    {
        try
        {
            images = ImageFolder.Open(Path.Combine(temporary.Path, "set"), 8);
            report = images.ToString();
            return [.. images.Files.Select(file => Path.GetRelativePath(temporary.Path, file))];
        }
        catch (ImageDataException none) when (none.Message.Contains("contain no images", StringComparison.Ordinal))
        {
            images = null;
            report = none.Message;
            return [];
        }
    }

    private static Gen<string> OneOf(params string[] values) => Gen.Int[0, values.Length - 1].Select(i => values[i]);

    private static bool IsRead(string file) => Path.GetExtension(file) is ".png" or ".jpg" or ".jfif";

    private static bool IsImage(string file) => IsRead(file) && !file.Split('/').Any(part => part.StartsWith('.') || part == "@eaDir");

    private sealed record Tree(List<string> Files, List<(string Name, string Target)> Links)
    {
        public void Write(TemporaryFolder folder, IEnumerable<string> files, IEnumerable<(string Name, string Target)> links)
        {
            Directory.CreateDirectory(Path.Combine(folder.Path, "set"));
            foreach (string file in files)
            {
                File.WriteAllText(folder.File(file), file);
            }

            foreach ((string name, string target) in links)
            {
                string path = folder.File(name);
                Directory.CreateSymbolicLink(path, Path.GetRelativePath(Path.GetDirectoryName(path)!, Path.Combine(folder.Path, target)));
            }
        }
    }
}
