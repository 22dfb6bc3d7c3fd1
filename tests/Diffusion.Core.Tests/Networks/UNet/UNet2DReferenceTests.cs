using Diffusion.TestKit;
using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Core.Tests.Networks;

/// <summary>Arithmetic against vectors made by PyTorch; see Fixtures/unet2d/README.md.</summary>
public sealed class UNet2DReferenceTests
{
    private static readonly string Root = Path.Combine(AppContext.BaseDirectory, "Fixtures", "unet2d");

    public static TheoryData<string> Cases =>
        [.. Directory.GetDirectories(Root).Select(folder => Path.GetFileName(folder)!).Order(StringComparer.Ordinal)];

    public static TheoryData<string> IndependentCases =>
        [.. Cases.Select(c => c.Data).Where(c => c.StartsWith("cross_", StringComparison.Ordinal))];

    [Theory]
    [MemberData(nameof(Cases))]
    public void Answers_and_gradients_match_the_reference(string name)
    {
        using ReferenceNetwork reference = new(Path.Combine(Root, name));
        using DisposeScope scope = NewDisposeScope();

        (Tensor answer, Tensor ofImages) = reference.AnswerAndGradients();

        Difference(answer, reference.Recorded("out")).Should().BeLessThanOrEqualTo(1e-5);
        Difference(ofImages, reference.Recorded("grad_x")).Should().BeLessThanOrEqualTo(1e-4);
        reference.CompareNorms(1e-4, relativeToMax: false);
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void Without_gradients_the_answer_is_the_same_bit_by_bit(string name)
    {
        using ReferenceNetwork reference = new(Path.Combine(Root, name));
        using DisposeScope scope = NewDisposeScope();
        Tensor with = reference.Answer();
        using IDisposable noGradients = no_grad();
        reference.Answer().SameBits(with).Should().BeTrue();
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void Weights_come_back_under_the_same_names_in_the_order_of_the_state_dict(string name)
    {
        using ReferenceNetwork reference = new(Path.Combine(Root, name));
        using SafeTensors file = SafeTensorsFile.Read(Path.Combine(Root, name, "diffusion_pytorch_model.safetensors"));
        reference.UNet.NamedTensors().Select(t => t.Key).Where(key => reference.UNet.get_parameter(key)!.requires_grad)
            .Should().Equal(reference.GradientNames);
        foreach ((string key, Tensor tensor) in reference.UNet.NamedTensors())
        {
            tensor.bytes.SequenceEqual(file.Tensors[key].bytes).Should().BeTrue(key);
        }
    }

    private static double Difference(Tensor actual, Tensor expected) =>
        actual.MaxDifference(expected) / expected.abs().max().to(ScalarType.Float64).item<double>();
}
