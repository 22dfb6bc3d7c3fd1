using System.Globalization;
using System.Text.Json;
using Diffusion.TestKit;
using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Training.Tests.Objectives.Reference;

/// <summary>Whole losses against tables: predictions, weightings and loss functions together.</summary>
public sealed class LossTableTests
{
    private const string Values = "training_loss_values.json";
    private const string AllWeightings = "training_loss_all_weightings.json";

    public static TheoryData<string> LossFunctions => ObjectiveTables.Cases(Values, table => table.GetProperty("values").EnumerateArray()
        .Select(value => $"{NameOf(value)} {value.GetProperty("loss")} {Threshold(value)}"));

    public static TheoryData<string> Weightings => ObjectiveTables.Cases(AllWeightings, table =>
        table.GetProperty("values").EnumerateArray().Select(NameOf));

    [Theory]
    [MemberData(nameof(LossFunctions))]
    public void A_loss_function_gives_the_losses_of_the_table(string name)
    {
        string[] parts = name.Split(' ');
        JsonElement entry = ObjectiveTables.Json(Values).GetProperty("values").EnumerateArray().Single(value =>
            value.GetProperty("prediction").GetString() == parts[0] && value.GetProperty("weighting").GetString() == parts[1]
            && value.GetProperty("loss").GetString() == parts[2] && Threshold(value) == parts[3]);
        double threshold = parts[3] == "null" ? double.NaN : double.Parse(parts[3], CultureInfo.InvariantCulture);
        (ILossFunction function, double multiple) = parts[2] switch
        {
            "mse" => (LossFunction.SquaredError, 1.0),
            "l1" => (LossFunction.AbsoluteError, 1),
            "huber" => (LossFunction.Huber(threshold), 1),
            "smooth_l1" => (LossFunction.SmoothL1(threshold), 1),
            "pseudo_huber" => (LossFunction.PseudoHuber(threshold), 1),
            "pseudo_huber_2c" => (LossFunction.PseudoHuber(threshold), 2 * threshold),
            "pseudo_huber_2" => (LossFunction.PseudoHuber(threshold), 2),
            "pseudo_huber_per_sample_norm" => (LossFunction.PseudoHuberNorm(threshold / Math.Sqrt(2 * 4 * 4)), 1),
            _ => throw new InvalidOperationException($"No test knows the loss {parts[2]}."),
        };
        Compare(parts[0], parts[1], function, multiple, entry);
    }

    [Theory]
    [MemberData(nameof(Weightings))]
    public void A_weighting_gives_the_losses_of_the_table(string name)
    {
        string[] parts = name.Split(' ');
        JsonElement entry = ObjectiveTables.Json(AllWeightings).GetProperty("values").EnumerateArray().Single(value =>
            value.GetProperty("prediction").GetString() == parts[0] && value.GetProperty("weighting").GetString() == parts[1]);
        Compare(parts[0], parts[1], LossFunction.SquaredError, 1, entry);
    }

    [Fact]
    public void Rectified_flow_has_the_losses_of_the_table()
    {
        using SafeTensors file = ObjectiveTables.Tensors("flow_matching.safetensors");
        FlowSchedule schedule = new();
        NoiseLevel[] levels = [.. file.Tensors["t"].data<double>().ToArray().Select(schedule.At)];
        using ScriptedModel model = new((noisy, labels, _) => Row(file.Tensors["prediction"], noisy, file.Tensors["xt"]));
        Denoiser denoiser = new(model, schedule, Parameterization.Flow);
        double[] losses = Losses(new Objective(), denoiser, file.Tensors["x0"], file.Tensors["noise"], levels);

        double[] expected = file.Tensors["loss_per_sample"].data<double>().ToArray();
        losses[..^1].Zip(expected).Should().OnlyContain(pair => Math.Abs(pair.First - pair.Second) < 1e-12 * pair.Second);
        losses[^1].ShouldBeClose(file.Tensors["loss_mean"].data<double>()[0], 1e-12);
    }

    private static void Compare(string prediction, string weighting, ILossFunction function, double multiple, JsonElement entry)
    {
        using SafeTensors file = ObjectiveTables.Tensors("training_loss_tensors.safetensors");
        IReadOnlyDictionary<string, Tensor> tensors = file.Tensors;
        NoiseLevel[] levels = [.. tensors["alphas_cumprod_at_t"].data<double>().ToArray()
            .Zip(tensors["timesteps"].data<long>().ToArray(), (abar, t) => new NoiseLevel(Math.Sqrt(abar), Math.Sqrt(1 - abar), t))];
        using ScriptedModel model = new((noisy, _, _) => Row(tensors["network_output"], noisy, tensors["xt"]));
        Denoiser denoiser = new(model, NoiseSchedule.Linear(), TableWeighting.SpaceNamed(prediction));
        TableWeighting named = TableWeighting.Named(weighting);
        Objective objective = new() { Weighting = named.Weighting, Space = named.Space, Function = function };
        double[] losses = Losses(objective, denoiser, tensors["x0"], tensors["noise"], levels);

        double[] expected = entry.Numbers("per_sample");
        for (int i = 0; i < expected.Length; i++)
        {
            (multiple * losses[i]).ShouldBeClose(expected[i], 1e-12, $"image {i}");
        }

        (multiple * losses[^1]).ShouldBeClose(entry.GetProperty("mean").GetDouble(), 1e-12);
    }

    // The loss of each image alone, and of all together.
    private static double[] Losses(Objective objective, Denoiser denoiser, Tensor clean, Tensor noise, NoiseLevel[] levels)
    {
        using DisposeScope scope = NewDisposeScope();
        double Loss(Tensor images, Tensor noises, NoiseLevel[] some) => objective.Loss(
            new ObjectiveInput(denoiser, images, noises, some, Conditioning.None, State: null)).Loss.item<double>();
        return
        [
            .. levels.Select((level, i) => Loss(clean.narrow(0, i, 1), noise.narrow(0, i, 1), [level])),
            Loss(clean, noise, levels),
        ];
    }

    // The recorded answers to the noisy images, which must be those that were recorded.
    private static Tensor Row(Tensor answers, Tensor noisy, Tensor recorded)
    {
        if (noisy.shape[0] == recorded.shape[0])
        {
            noisy.MaxDifference(recorded).Should().BeLessThan(1e-14);
            return answers.clone();
        }

        long row = Enumerable.Range(0, (int)recorded.shape[0]).Single(i => noisy[0].MaxDifference(recorded[i]) < 1e-14);
        return answers.narrow(0, row, 1).clone();
    }

    private static string NameOf(JsonElement value) => $"{value.GetProperty("prediction")} {value.GetProperty("weighting")}";

    private static string Threshold(JsonElement value) => value.GetProperty("c").GetRawText();
}
