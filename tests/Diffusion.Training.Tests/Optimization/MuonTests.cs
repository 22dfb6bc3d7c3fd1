using Diffusion.TestKit;
using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Training.Tests.Optimization;

public sealed class MuonTests
{
    private static readonly string[] Hidden = ["tall.weight", "wide.weight", "conv.weight", "qkv.weight"];

    // Jordan 2024, with the scale of Liu et al. 2025, equation 4; AdamW for the rest.
    [Fact]
    public void Four_steps_follow_the_definition()
    {
        const double Rate = 1e-2;
        using TrainedCopy copy = new(Optimizers.Muon(weightDecay: 0.2));
        Dictionary<string, double[]> momentum = Hidden.ToDictionary(name => name, name => new double[copy.Values[name].Length]);
        Dictionary<string, AdamStep> others = copy.Values.Where(each => !Hidden.Contains(each.Key)).ToDictionary(
            each => each.Key, each => new AdamStep(each.Value.Length, copy.ShapeOf(each.Key).Length > 1 ? 0.2 : 0));
        for (int t = 1; t <= 4; t++)
        {
            IReadOnlyDictionary<string, double[]> gradients = copy.Step(t, Rate);
            foreach ((string name, AdamStep adam) in others)
            {
                adam.Apply(copy.Values[name], gradients[name], t, Rate);
            }

            foreach (string name in Hidden)
            {
                Apply(name, gradients[name]);
            }
        }

        copy.GreatestDifference().Should().BeLessThan(2e-6);

        void Apply(string name, double[] gradient)
        {
            double[] m = momentum[name];
            double[] nesterov = new double[m.Length];
            for (int i = 0; i < m.Length; i++)
            {
                m[i] = (0.95 * m[i]) + gradient[i];
                nesterov[i] = gradient[i] + (0.95 * m[i]);
            }

            int parts = name == "qkv.weight" ? 3 : 1;
            int rows = (int)copy.ShapeOf(name)[0] / parts;
            int columns = m.Length / parts / rows;
            for (int part = 0; part < parts; part++)
            {
                int from = part * rows * columns;
                double[,] step = NewtonSchulz(rows, columns, (r, c) => nesterov[from + (r * columns) + c]);
                for (int i = 0; i < rows * columns; i++)
                {
                    double value = copy.Values[name][from + i];
                    copy.Values[name][from + i] = value
                        - (Rate * ((0.2 * value) + (0.2 * Math.Sqrt(Math.Max(rows, columns)) * step[i / columns, i % columns])));
                }
            }
        }
    }

    [Fact]
    public void A_step_has_singular_values_near_one_before_its_scale()
    {
        using nn.Module network = new Three();
        using FlatParameters parameters = new(network);
        using IOptimizer optimizer = Optimizers.Muon(weightDecay: 0).Create(parameters);
        using Tensor before = network.get_parameter("hidden.weight")!.clone();
        using (GlobalGenerator.Hold(3))
        {
            parameters.Gradients.copy_(randn(parameters.Gradients.shape));
        }

        optimizer.Update(1, ones([]), zeros([]));

        using Tensor change = (before - network.get_parameter("hidden.weight")!).Times(1 / (0.2 * Math.Sqrt(40)));
        float[] singular = linalg.svdvals(change).data<float>().ToArray();
        singular.Should().HaveCount(24).And.OnlyContain(value => value > 0.3 && value < 1.4);
    }

    [Fact]
    public void Embeddings_ends_and_vectors_are_trained_by_AdamW()
    {
        using UNet2D network = new(UNet2DOptions.ForImages(ImageShape.Square(16, 3), UNet2DSize.Small, classes: 10));
        using FlatParameters parameters = new(network);
        using IOptimizer optimizer = Optimizers.Muon().Create(parameters);

        string[] adam = [.. optimizer.State.Keys.Where(key => key.StartsWith("exp_avg_sq.")).Select(key => key["exp_avg_sq.".Length..])];
        string[] matrices = [.. adam.Where(name => network.get_parameter(name)!.dim() > 1)];

        matrices.Should().BeEquivalentTo("conv_in.weight", "conv_out.weight", "class_embedding.weight");
        optimizer.State.Keys.Where(key => key.StartsWith("momentum.")).Should().NotBeEmpty()
            .And.OnlyContain(key => network.get_parameter(key.Substring("momentum.".Length))!.dim() > 1);
    }

    [Fact]
    public void Frozen_ends_leave_the_layers_between_them_to_Muon()
    {
        using nn.Module network = new Three();
        network.get_parameter("first.weight")!.requires_grad = false;
        using FlatParameters parameters = new(network, rules: [new ParameterRule { Names = "last.weight", Freezes = true }]);
        using IOptimizer optimizer = Optimizers.Muon().Create(parameters);

        optimizer.State.Keys.Where(key => key.EndsWith(".weight")).Should().Equal("momentum.hidden.weight");
    }

    [Fact]
    public void Impossible_values_are_all_listed() =>
        Optimizers.Muon(weightDecay: -1, momentum: 1, beta1: double.NaN, beta2: 1, new Dictionary<string, int> { ["*x"] = 1 })
            .Problems.Should().HaveCount(5).And.OnlyContain(problem => problem.StartsWith("Muon's ") && problem.Contains("Use "));

    [Fact]
    public void Other_fused_projections_are_another_optimizer() =>
        Optimizers.Muon(fused: new Dictionary<string, int> { ["*.ada.weight"] = 6 }).Description
            .Should().Contain("*.ada.weight=6").And.NotBe(Optimizers.Muon().Description);

    private static double[,] NewtonSchulz(int rows, int columns, Func<int, int, double> at)
    {
        bool isTall = rows > columns;
        double[,] x = isTall ? Matrix(columns, rows, (r, c) => at(c, r)) : Matrix(rows, columns, at);
        double norm = Math.Sqrt(x.Cast<double>().Sum(value => value * value)) + 1e-7;
        x = Matrix(x.GetLength(0), x.GetLength(1), (r, c) => x[r, c] / norm);
        for (int i = 0; i < 5; i++)
        {
            double[,] old = x;
            double[,] a = Matrix(old.GetLength(0), old.GetLength(0), (r, c) => Dot(old.GetLength(1), k => old[r, k] * old[c, k]));
            double[,] b = Matrix(a.GetLength(0), a.GetLength(0),
                (r, c) => (-4.7750 * a[r, c]) + (2.0315 * Dot(a.GetLength(0), k => a[r, k] * a[k, c])));
            x = Matrix(old.GetLength(0), old.GetLength(1),
                (r, c) => (3.4445 * old[r, c]) + Dot(b.GetLength(0), k => b[r, k] * old[k, c]));
        }

        return isTall ? Matrix(rows, columns, (r, c) => x[c, r]) : x;
    }

    private static double[,] Matrix(int rows, int columns, Func<int, int, double> at)
    {
        double[,] matrix = new double[rows, columns];
        for (int i = 0; i < matrix.Length; i++)
        {
            matrix[i / columns, i % columns] = at(i / columns, i % columns);
        }

        return matrix;
    }

    private static double Dot(int count, Func<int, double> at) => Enumerable.Range(0, count).Sum(at);

    private sealed class Three : nn.Module
    {
        public Three()
            : base(nameof(Three))
        {
            register_module("first", nn.Linear(3, 24));
            register_module("hidden", nn.Linear(24, 40));
            register_module("last", nn.Linear(40, 3));
        }
    }
}
