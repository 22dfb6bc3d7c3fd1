using System.Text;
using System.Text.Json.Nodes;
using Diffusion.TestKit;

namespace Diffusion.Training.Tests.Checkpoints;

/// <summary>Manifests whose seal is right, but which this library did not write.</summary>
public sealed class CheckpointFormatTests
{
    [Theory]
    [InlineData("files", null, "missing required properties")]
    [InlineData("averages", null, "missing required properties")]
    [InlineData("files", "null", "is not valid for this version")]
    [InlineData("files", "[null]", "is null")]
    [InlineData("averages", "[null]", "is null")]
    [InlineData("heldOutLoss", "1e400", "is not valid for this version")]
    [InlineData("heldOutLoss", "\"1\"", "is not valid for this version")]
    [InlineData("world", "0", "out of range")]
    [InlineData("step", "-1", "out of range")]
    public void A_sealed_manifest_that_cannot_be_is_refused(string key, string? value, string reason)
    {
        using SampleCheckpoint sample = new(1);
        JsonObject manifest = JsonNode.Parse(CheckpointFormat.Write(sample.Value.Manifest))!.AsObject();
        if (value is null)
        {
            manifest.Remove(key);
        }
        else
        {
            manifest[key] = JsonNode.Parse(value);
        }

        byte[] json = Encoding.UTF8.GetBytes(manifest.ToJsonString(new() { WriteIndented = true, NewLine = "\n" }) + "\n");
        ManifestSeal.Close(json);
        FluentActions.Invoking(() => CheckpointFormat.Read(json, "folder")).Should().Throw<Exception>()
            .Where(problem => problem is CheckpointDamageException || problem is CheckpointException).WithMessage($"*{reason}*");
    }
}
