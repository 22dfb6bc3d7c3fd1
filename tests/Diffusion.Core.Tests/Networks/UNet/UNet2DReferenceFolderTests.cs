using Diffusion.TestKit;
using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Core.Tests.Networks;

/// <summary>
/// Arithmetic against all networks of a folder that diffusers made: <c>networks/unet_*</c> below the folder that the environment variable
/// DIFFUSION_REFERENCE names, or below <c>shared/reference</c> beside the repository. The conditioned ones are of another class.
/// </summary>
public sealed class UNet2DReferenceFolderTests
{
    private const string None = "(none)";

    private static readonly string? Root = ReferenceFolder.Find("networks");

    public static TheoryData<string> Networks => [.. Root is null ? [None] : Names(Root).DefaultIfEmpty(None)];

    [Theory]
    [MemberData(nameof(Networks))]
    public void Answers_and_gradients_are_those_of_diffusers(string name)
    {
        using ReferenceNetwork reference = new(Folder(name));
        using DisposeScope scope = NewDisposeScope();

        (Tensor answer, Tensor ofImages) = reference.AnswerAndGradients();

        // Divided by a small noise level, answers are large.
        double largest = reference.Recorded("out").abs().max().to(ScalarType.Float64).item<double>();
        bool isDivided = reference.UNet.Options.TimeEmbeddingType == TimeEmbeddingType.Fourier;
        double tolerance = isDivided ? Math.Max(2e-5, 5e-5 * largest) : 2e-5;
        answer.MaxDifference(reference.Recorded("out")).Should().BeLessThanOrEqualTo(tolerance);
        if (reference.Records("out_float64"))
        {
            answer.MaxDifference(reference.Recorded("out_float64")).Should().BeLessThanOrEqualTo(tolerance);
        }

        double steepest = reference.Recorded("grad_x").abs().max().to(ScalarType.Float64).item<double>();
        ofImages.MaxDifference(reference.Recorded("grad_x")).Should().BeLessThanOrEqualTo(1e-4 * steepest);
        reference.CompareNorms(1e-4, relativeToMax: true);
    }

    [Theory]
    [MemberData(nameof(Networks))]
    public void With_gradient_checkpointing_every_number_is_the_same(string name)
    {
        using ReferenceNetwork reference = new(Folder(name));
        using DisposeScope scope = NewDisposeScope();
        (Tensor answer, Tensor ofImages) = reference.AnswerAndGradients();
        Dictionary<string, Tensor> plain = reference.GradientNames.ToDictionary(
            key => key, key => reference.UNet.get_parameter(key)!.grad!.clone(), StringComparer.Ordinal);

        reference.UNet.GradientCheckpointing = GradientCheckpointing.All;
        (Tensor again, Tensor ofImagesAgain) = reference.AnswerAndGradients();

        again.SameBits(answer).Should().BeTrue();
        ofImagesAgain.SameBits(ofImages).Should().BeTrue();
        foreach (string key in reference.GradientNames)
        {
            reference.UNet.get_parameter(key)!.grad!.SameBits(plain[key]).Should().BeTrue(key);
        }
    }

    [Theory]
    [MemberData(nameof(Networks))]
    public void Saved_and_loaded_again_it_has_the_names_of_diffusers_and_gives_the_same_answer(string name)
    {
        using TemporaryFolder temporary = new();
        string saved = Path.Combine(temporary.Path, "saved");
        using ReferenceNetwork reference = new(Folder(name));
        DiffusersFolder.Save(saved, reference.UNet, new DiffusersScheduler { Schedule = NoiseSchedule.Linear() });
        using DiffusersModel back = DiffusersFolder.Load(saved);
        using DisposeScope scope = NewDisposeScope();

        using SafeTensors theirs = SafeTensorsFile.Read(Path.Combine(Folder(name), "diffusion_pytorch_model.safetensors"));
        using SafeTensors ours = SafeTensorsFile.Read(Path.Combine(saved, "unet", "diffusion_pytorch_model.safetensors"));
        ours.Tensors.Keys.Should().BeEquivalentTo(theirs.Tensors.Keys);
        reference.UNet.NamedTensors().Select(t => t.Key).Where(reference.GradientNames.Contains).Should().Equal(reference.GradientNames);
        back.UNet.Options.Should().Be(reference.UNet.Options);
        Tensor before = reference.Answer();
        reference.UNet.LoadWeights(back.UNet.NamedTensors().ToDictionary(t => t.Key, t => t.Value, StringComparer.Ordinal));
        reference.Answer().SameBits(before).Should().BeTrue();
    }

    private static IEnumerable<string> Names(string root) => Directory.GetDirectories(root, "unet_*")
        .Select(folder => Path.GetFileName(folder)!)
        .Where(name => !name.StartsWith("unet_condition", StringComparison.Ordinal))
        .Order(StringComparer.Ordinal);

    private static string Folder(string name)
    {
        Assert.SkipWhen(
            Root is null, "The reference networks are not here: let DIFFUSION_REFERENCE name the folder that holds networks/unet_*.");
        name.Should().NotBe(None, $"{Root} must hold folders named unet_*");
        return Path.Combine(Root!, name);
    }
}
