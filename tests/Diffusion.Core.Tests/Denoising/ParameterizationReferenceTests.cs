using Diffusion.TestKit;
using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Core.Tests.Denoising;

/// <summary>Targets and estimates against tables that were computed in float64 outside of this library.</summary>
public sealed class ParameterizationReferenceTests
{
    [Theory]
    [InlineData("vp", PredictionType.Velocity, "v")]
    [InlineData("ve", PredictionType.Velocity, "v")]
    [InlineData("flow", PredictionType.Flow, "velocity")]
    [InlineData("vp", PredictionType.Epsilon, "epsilon")]
    [InlineData("ve", PredictionType.Epsilon, "epsilon")]
    [InlineData("flow", PredictionType.Epsilon, "epsilon")]
    [InlineData("vp", PredictionType.Sample, "x0")]
    [InlineData("ve", PredictionType.Sample, "x0")]
    [InlineData("flow", PredictionType.Sample, "x0")]
    public void Targets_and_what_follows_from_them_are_those_of_the_table(string scaling, PredictionType prediction, string answerName)
    {
        using SafeTensors file = Read("conversions.safetensors");
        double[,] Table(string name) => Rows(file.Tensors[$"{scaling}.{name}"]);
        double[] alphas = file.Tensors[$"{scaling}.alpha"].data<double>().ToArray();
        double[] sigmas = file.Tensors[$"{scaling}.sigma"].data<double>().ToArray();
        (double[,] clean, double[,] noise, double[,] noisy, double[,] answer) = (Table("x0"), Table("epsilon"), Table("xt"),
            Table(answerName));
        IParameterization parameterization = Parameterization.Of(prediction);
        for (int row = 0; row < alphas.Length; row++)
        {
            NoiseLevel level = new(alphas[row], sigmas[row], 0);
            Scalings scalings = parameterization.At(level);

            // The table's own velocity of the variance-exploding scaling is not divided by hypot(alpha, sigma).
            double unit = scaling == "ve" && prediction == PredictionType.Velocity ? Math.Sqrt(1 + (sigmas[row] * sigmas[row])) : 1;
            for (int i = 0; i < clean.GetLength(1); i++)
            {
                double size = Math.Max(1, Math.Abs(noisy[row, i]));
                double target = (scalings.TargetClean * clean[row, i]) + (scalings.TargetNoise * noise[row, i]);
                target.Should().BeApproximately(answer[row, i] / unit, 1e-13 * size);

                // Rounding grows by sigma / alpha from the noise, and by alpha / sigma from the clean image.
                double cleanGrows = prediction == PredictionType.Epsilon ? Math.Max(1, level.Ratio) : 1;
                double noiseGrows = prediction == PredictionType.Sample ? Math.Max(1, 1 / level.Ratio) : 1;
                double answered = answer[row, i] / unit;
                ((scalings.Skip * noisy[row, i]) + (scalings.Out * answered)).Should()
                    .BeApproximately(clean[row, i], 2e-14 * size * cleanGrows);
                ((scalings.NoiseSkip * noisy[row, i]) + (scalings.NoiseOut * answered)).Should()
                    .BeApproximately(noise[row, i], 2e-14 * size * noiseGrows);
            }
        }
    }

    [Fact]
    public void EDM_s_scalings_are_those_of_the_table()
    {
        using SafeTensors file = Read("edm_preconditioning.safetensors");
        double[] Column(string name) => file.Tensors[name].data<double>().ToArray();
        IParameterization edm = Parameterization.Edm(Column("sigma_data")[0]);
        for (int row = 0; row < 4; row++)
        {
            double sigma = Column("sigma")[row];
            Scalings scalings = edm.At(new NoiseLevel(1, sigma, sigma));
            Relative(scalings.Skip, Column("c_skip")[row]);
            Relative(scalings.Out, Column("c_out")[row]);
            Relative(scalings.In, Column("c_in")[row]);
            Relative(scalings.Label, Column("c_noise")[row]);
        }

        static void Relative(double actual, double expected) =>
            actual.Should().BeApproximately(expected, 1e-11 * Math.Max(1, Math.Abs(expected)));
    }

    [Fact]
    public void A_denoiser_with_EDM_s_parameterization_asks_and_answers_as_the_table_says()
    {
        using SafeTensors file = Read("edm_preconditioning.safetensors");
        using DisposeScope scope = NewDisposeScope();
        IReadOnlyDictionary<string, Tensor> recorded = file.Tensors;
        double[] sigmas = recorded["sigma"].data<double>().ToArray();
        EdmSchedule schedule = new(1e-4, 1e4);
        for (int row = 0; row < sigmas.Length; row++)
        {
            using ScriptedModel model = new((_, _, _) => recorded["network_output"][row].unsqueeze(0).clone());
            Denoiser denoiser = new(model, schedule, Parameterization.Edm(recorded["sigma_data"].data<double>()[0]));
            NoiseLevel level = schedule.At(sigmas[row]);
            Tensor clean = recorded["x0"][row].unsqueeze(0);
            Tensor noise = recorded["noise"][row].unsqueeze(0);
            denoiser.Target(clean, noise, [level]).MaxDifference(recorded["network_target"][row].unsqueeze(0)).Should().BeLessThan(1e-11);
            Tensor noisy = ForwardProcess.AddNoise(clean, noise, [level]);
            using Estimate estimate = denoiser.Denoise(noisy, level);
            estimate.Clean.MaxDifference(recorded["denoised"][row].unsqueeze(0)).Should().BeLessThan(1e-11 * Math.Max(1, sigmas[row]));
        }
    }

    [Fact]
    public void The_target_of_rectified_flow_and_what_follows_from_a_prediction_are_those_of_the_table()
    {
        using SafeTensors file = Read("flow_matching.safetensors");
        using DisposeScope scope = NewDisposeScope();
        IReadOnlyDictionary<string, Tensor> recorded = file.Tensors;
        double[] times = recorded["t"].data<double>().ToArray();
        FlowSchedule schedule = new();
        NoiseLevel[] levels = [.. times.Select(schedule.At)];
        using ScriptedModel model = new((noisy, _, _) => noisy);
        Denoiser denoiser = new(model, schedule, Parameterization.Flow);
        denoiser.Target(recorded["x0"], recorded["noise"], levels).MaxDifference(recorded["velocity_target"]).Should().BeLessThan(1e-14);
        ForwardProcess.AddNoise(recorded["x0"], recorded["noise"], levels).MaxDifference(recorded["xt"]).Should().BeLessThan(1e-14);
        for (int row = 0; row < times.Length; row++)
        {
            using ScriptedModel answering = new((_, _, _) => recorded["prediction"][row].unsqueeze(0).clone());
            using Estimate estimate = new Denoiser(answering, schedule, Parameterization.Flow)
                .Denoise(recorded["xt"][row].unsqueeze(0), levels[row]);
            estimate.Clean.MaxDifference(recorded["x0_from_prediction"][row].unsqueeze(0)).Should().BeLessThan(1e-13);
            estimate.Noise.MaxDifference(recorded["noise_from_prediction"][row].unsqueeze(0)).Should().BeLessThan(1e-13);
        }
    }

    private static SafeTensors Read(string name)
    {
        string? folder = ReferenceFolder.Find("objectives");
        Assert.SkipWhen(folder is null, ReferenceFolder.Missing);
        return SafeTensorsFile.Read(Path.Combine(folder!, name));
    }

    private static double[,] Rows(Tensor tensor)
    {
        double[,] rows = new double[tensor.shape[0], tensor.shape[1]];
        Buffer.BlockCopy(tensor.data<double>().ToArray(), 0, rows, 0, rows.Length * sizeof(double));
        return rows;
    }
}
