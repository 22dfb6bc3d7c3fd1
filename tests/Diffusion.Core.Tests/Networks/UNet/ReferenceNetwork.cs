using System.Text.Json;
using Diffusion.TestKit;
using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Core.Tests.Networks;

/// <summary>
/// A folder with a network as diffusers saves it, what it is given, what it answers, and the gradients of a weighted sum.
/// </summary>
internal sealed class ReferenceNetwork(string folder) : IDisposable
{
    private readonly DiffusersModel model = DiffusersFolder.Load(folder);
    private readonly SafeTensors recorded = SafeTensorsFile.Read(Path.Combine(folder, "io.safetensors"));

    public UNet2D UNet => model.UNet;

    /// <summary>The names of the weights that have gradients, in the order of the state dict.</summary>
    public IReadOnlyList<string> GradientNames { get; } =
        JsonSerializer.Deserialize<string[]>(File.ReadAllText(Path.Combine(folder, "grad_norm_names.json")))!;

    public Tensor Recorded(string name) => recorded.Tensors[name];

    public bool Records(string name) => recorded.Tensors.ContainsKey(name);

    /// <summary>The network's answer to the recorded images, or to others.</summary>
    public Tensor Answer(Tensor? images = null) => UNet.Predict(
        images ?? Recorded("x"), Recorded("t"), new Conditioning { ClassLabels = recorded.Tensors.GetValueOrDefault("class_labels") });

    /// <summary>The network's answer, and the gradient of the images; the weights have theirs afterwards.</summary>
    public (Tensor Answer, Tensor OfImages) AnswerAndGradients()
    {
        UNet.zero_grad();
        Tensor x = Recorded("x").clone().requires_grad_();
        Tensor answer = Answer(x);
        (answer * Recorded("loss_weight")).sum().backward();
        return (answer, x.grad!);
    }

    /// <summary>Compares the gradient of every weight with the recorded norms.</summary>
    /// <param name="tolerance">Of the norm, and where that is negligible of the largest.</param>
    /// <param name="relativeToMax">Whether it is of the largest norm throughout.</param>
    public void CompareNorms(double tolerance, bool relativeToMax)
    {
        using DisposeScope scope = NewDisposeScope();
        double[] norms = [.. Recorded("grad_norms").to(ScalarType.Float64).data<double>()];
        norms.Should().HaveCount(GradientNames.Count).And.Contain(norm => norm > 0);
        double negligible = norms.Max() * 1e-6;
        foreach ((string key, double norm) in GradientNames.Zip(norms))
        {
            double actual = UNet.get_parameter(key)!.grad!.to(ScalarType.Float64).norm().item<double>();
            double allowed = relativeToMax ? norms.Max() * tolerance : norm < negligible ? negligible : norm * tolerance;
            Math.Abs(actual - norm).Should().BeLessThanOrEqualTo(allowed, key);
        }
    }

    public void Dispose()
    {
        model.Dispose();
        recorded.Dispose();
    }
}
