using System.Text.Json;
using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Core.Tests.Networks;

/// <summary>Arithmetic against vectors made by PyTorch; see Fixtures/unet2d/README.md.</summary>
public sealed class UNet2DReferenceTests
{
    private static readonly string Root = Path.Combine(AppContext.BaseDirectory, "Fixtures", "unet2d");

    public static TheoryData<string> Cases =>
        [.. Directory.GetDirectories(Root).Select(folder => Path.GetFileName(folder)!).Order(StringComparer.Ordinal)];

    public static TheoryData<string> IndependentCases => [.. Cases.Select(c => c.Data).Where(c => c.StartsWith("cross_", StringComparison.Ordinal))];

    [Theory]
    [MemberData(nameof(Cases))]
    public void Answers_and_gradients_match_the_reference(string name)
    {
        using UNet2D unet = Load(name);
        using SafeTensors io = SafeTensorsFile.Read(Path.Combine(Root, name, "io.safetensors"));
        using DisposeScope scope = NewDisposeScope();
        Tensor x = io.Tensors["x"].clone().requires_grad_();

        Tensor answer = unet.Predict(x, io.Tensors["t"], new Conditioning { ClassLabels = io.Tensors.GetValueOrDefault("class_labels") });
        (answer * io.Tensors["loss_weight"]).sum().backward();

        Difference(answer, io.Tensors["out"]).Should().BeLessThanOrEqualTo(1e-5);
        Difference(x.grad!, io.Tensors["grad_x"]).Should().BeLessThanOrEqualTo(1e-4);
        CompareGradients(unet, name, io.Tensors["grad_norms"]);
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void Without_gradients_the_answer_is_the_same_bit_by_bit(string name)
    {
        using UNet2D unet = Load(name);
        using SafeTensors io = SafeTensorsFile.Read(Path.Combine(Root, name, "io.safetensors"));
        using DisposeScope scope = NewDisposeScope();
        Conditioning conditioning = new() { ClassLabels = io.Tensors.GetValueOrDefault("class_labels") };
        Tensor with = unet.Predict(io.Tensors["x"], io.Tensors["t"], conditioning);
        using IDisposable noGradients = no_grad();
        Tensor without = unet.Predict(io.Tensors["x"], io.Tensors["t"], conditioning);
        without.bytes.SequenceEqual(with.bytes).Should().BeTrue();
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void Weights_come_back_under_the_same_names_in_the_order_of_the_state_dict(string name)
    {
        using UNet2D unet = Load(name);
        using SafeTensors file = SafeTensorsFile.Read(Path.Combine(Root, name, "diffusion_pytorch_model.safetensors"));
        unet.NamedTensors().Select(t => t.Key).Where(key => unet.get_parameter(key)!.requires_grad)
            .Should().Equal(GradientNames(name));
        foreach ((string key, Tensor tensor) in unet.NamedTensors())
        {
            tensor.bytes.SequenceEqual(file.Tensors[key].bytes).Should().BeTrue(key);
        }
    }

    private static UNet2D Load(string name) => DiffusersFolder.Load(Path.Combine(Root, name)).UNet;

    private static string[] GradientNames(string name) =>
        JsonSerializer.Deserialize<string[]>(File.ReadAllText(Path.Combine(Root, name, "grad_norm_names.json")))!;

    private static void CompareGradients(UNet2D unet, string name, Tensor expected)
    {
        double[] norms = [.. expected.to(ScalarType.Float64).data<double>()];
        double negligible = norms.Max() * 1e-6;
        foreach ((string key, double norm) in GradientNames(name).Zip(norms))
        {
            double actual = unet.get_parameter(key)!.grad!.to(ScalarType.Float64).norm().item<double>();
            Math.Abs(actual - norm).Should().BeLessThanOrEqualTo(norm < negligible ? negligible : norm * 1e-4, key);
        }
    }

    private static double Difference(Tensor actual, Tensor expected)
    {
        actual.shape.Should().Equal(expected.shape);
        return ((actual - expected).abs().max() / expected.abs().max()).to(ScalarType.Float64).item<double>();
    }
}
