using System.Globalization;
using System.Text.Json;
using Diffusion.TestKit;
using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Training.Tests.Objectives.Reference;

/// <summary>Terms of the variational bound against tables.</summary>
public sealed class BoundTableTests
{
    private const string Terms = "vlb_terms.json";
    private const string Chain = "bpd_chain.json";
    private const string Likelihoods = "discretized_gaussian_nll.json";
    private const string Gaussians = "gaussian_bits_per_dim.json";

    public static TheoryData<string> TermCases => ObjectiveTables.Cases(Terms, table => table.GetProperty("cases").Names());

    public static TheoryData<string> ChainCases => ObjectiveTables.Cases(Chain, table => table.GetProperty("cases").Names());

    public static TheoryData<string> Rows => ObjectiveTables.Cases(Likelihoods, table => Enumerable
        .Range(0, table.GetProperty("rows").GetArrayLength()).Select(row => row.ToString(CultureInfo.InvariantCulture)));

    public static TheoryData<string> GaussianCases => ObjectiveTables.Cases(Gaussians, table => table.GetProperty("discrete")
        .EnumerateArray().SelectMany((entry, row) => entry.GetProperty("cases").Names().Select(name => $"{row} {name}")));

    [Theory]
    [MemberData(nameof(TermCases))]
    public void The_terms_of_timesteps_are_those_of_the_table(string name)
    {
        JsonElement entry = ObjectiveTables.Json(Terms).GetProperty("cases").GetProperty(name);
        using SafeTensors file = ObjectiveTables.Tensors("vlb_tensors.safetensors");
        using DisposeScope scope = NewDisposeScope();
        bool learned = name.StartsWith("learned", StringComparison.Ordinal);
        using ScriptedModel model = new((noisy, _, _) => Answer(noisy, learned), Exact());
        DiscreteSchedule schedule = new(file.Tensors["betas"].data<double>().ToArray(), "table");
        Denoiser denoiser = new(model, schedule);
        PosteriorStep[] steps = [.. Enumerable.Range(0, 1000).Select(t => PosteriorStep.At(at => schedule[at], t))];
        VariationalBound exact = new(denoiser)
        {
            ClipsEstimate = name.EndsWith("clip_true", StringComparison.Ordinal),
            UsesLargeVariance = name.StartsWith("fixed_large", StringComparison.Ordinal),
        };
        VariationalBound approximate = new(denoiser)
        {
            ClipsEstimate = exact.ClipsEstimate, UsesLargeVariance = exact.UsesLargeVariance, ApproximatesLikelihood = true,
        };
        long[] timesteps = file.Tensors["timesteps"].data<long>().ToArray();
        for (int i = 0; i < timesteps.Length; i++)
        {
            int t = (int)timesteps[i];
            (Tensor clean, Tensor noise) = (file.Tensors["x0"].narrow(0, i, 1), file.Tensors["noise"].narrow(0, i, 1));
            double Term(VariationalBound bound) =>
                bound.TermAt(clean, Conditioning.None, t, schedule[t], steps[t], noise).item<double>();
            Close(Term(exact), entry.Numbers("vb_bits_per_dim_exact_cdf")[i], t);
            Close(Term(approximate), entry.Numbers("vb_bits_per_dim")[i], t);
            if (learned && !exact.ClipsEstimate)
            {
                Objective objective = new() { LearnsVariance = true };
                ObjectiveLoss loss = objective.Loss(
                    new ObjectiveInput(denoiser, clean, noise, [schedule[t]], Conditioning.None, State: null));
                loss.Loss.item<double>().ShouldBeClose(entry.Numbers("hybrid_with_0_001_times_T")[i], 1e-9, $"at timestep {t}");
            }
        }

        static void Close(double actual, double expected, int t) =>
            actual.ShouldBeClose(expected, expected < 1e-5 ? 1e-7 : 1e-9, $"at timestep {t}");
    }

    [Theory]
    [MemberData(nameof(ChainCases))]
    public void The_bound_of_a_chain_is_that_of_the_table(string name)
    {
        JsonElement entry = ObjectiveTables.Json(Chain).GetProperty("cases").GetProperty(name);
        using SafeTensors file = ObjectiveTables.Tensors("bpd_chain_tensors.safetensors");
        using ScriptedModel model = new((noisy, _, _) => Answer(noisy, name.StartsWith("learned", StringComparison.Ordinal)), Exact());
        double product = 1;
        NoiseLevel[] levels = [.. file.Tensors["betas"].data<double>().ToArray()
            .Select((beta, t) => new NoiseLevel(Math.Sqrt(product *= 1 - beta), Math.Sqrt(1 - product), t))];
        VariationalBound bound = new(new Denoiser(model, NoiseSchedule.Linear()))
        {
            ClipsEstimate = name.EndsWith("clip_true", StringComparison.Ordinal),
            UsesLargeVariance = name.StartsWith("fixed_large", StringComparison.Ordinal),
            ApproximatesLikelihood = true,
        };
        (double[] prior, double[][] terms) = bound.Terms(
            file.Tensors["x0"], Conditioning.None, levels, t => file.Tensors["noise_by_t"][t], TestContext.Current.CancellationToken);

        for (int image = 0; image < prior.Length; image++)
        {
            prior[image].ShouldBeClose(entry.Numbers("prior_bits_per_dim")[image], 1e-7);
            double[] expected = entry.GetProperty("vb")[image].Numbers();
            for (int t = 0; t < expected.Length; t++)
            {
                terms[t][image].ShouldBeClose(expected[t], 1e-9, $"at timestep {t}");
            }

            (prior[image] + terms.Sum(term => term[image])).ShouldBeClose(entry.Numbers("total_bits_per_dim")[image], 1e-9);
        }
    }

    [Theory]
    [MemberData(nameof(Rows))]
    public void The_likelihood_of_a_pixel_is_that_of_the_table(string row)
    {
        JsonElement entry = ObjectiveTables.Json(Likelihoods).GetProperty("rows")[int.Parse(row, CultureInfo.InvariantCulture)];
        using DisposeScope scope = NewDisposeScope();
        Tensor pixel = tensor(new[] { (entry.GetProperty("pixel").GetDouble() / 127.5) - 1 });
        Tensor mean = tensor(new[] { entry.GetProperty("mean").GetDouble() });
        Tensor logScale = tensor(new[] { entry.GetProperty("log_scale").GetDouble() });

        double approximate = entry.GetProperty("nll_nats_tanh_cdf_floor_1e_12").GetDouble();
        DiscretizedGaussian.ApproximateNats(pixel, mean, logScale).item<double>().Should()
            .BeApproximately(approximate, Math.Max(1e-9 * Math.Max(1e-6, Math.Abs(approximate)), 4e-16 * Math.Exp(approximate)),
                "the approximation subtracts two numbers near 1");
        double exact = entry.GetProperty("nll_nats_exact_cdf").GetDouble();
        DiscretizedGaussian.Nats(pixel, mean, logScale).item<double>().Should()
            .BeApproximately(exact, Math.Max(1e-15, 1e-9 * Math.Abs(exact)));
    }

    [Theory]
    [MemberData(nameof(GaussianCases))]
    public void The_terms_of_Gaussian_data_with_the_optimal_denoiser_add_up_to_those_of_the_table(string name)
    {
        string[] parts = name.Split(' ');
        JsonElement entry = ObjectiveTables.Json(Gaussians).GetProperty("discrete")[int.Parse(parts[0], CultureInfo.InvariantCulture)];
        JsonElement expected = entry.GetProperty("cases").GetProperty(parts[1]);
        double variance = Math.Pow(entry.GetProperty("data_std").GetDouble(), 2);
        DiscreteSchedule schedule = entry.GetProperty("schedule").GetString() == "linear_1000"
            ? NoiseSchedule.Linear()
            : NoiseSchedule.Cosine();
        NoiseLevel[] levels = [.. Enumerable.Range(0, 1000).Select(t => schedule[t])];
        PosteriorStep[] steps = [.. levels.Select((_, t) => PosteriorStep.At(at => levels[at], t))];

        double[] terms = [.. levels.Select((level, t) =>
        {
            // The mean squared error of the best estimate, and what the mean of the step differs by.
            (double alpha, double sigma) = (level.Alpha * level.Alpha, level.Sigma * level.Sigma);
            double error = Math.Pow(steps[t].CleanFactor, 2) * variance * sigma / ((alpha * variance) + sigma);
            double posterior = Math.Exp(steps[t].LogVariance);
            double own = parts[1] switch
            {
                "exact_reverse_variance" => error + (t == 0 ? 0 : posterior),
                _ => Math.Exp(steps[t].FixedLogVariance(t, isLarge: parts[1] == "fixed_large")),
            };
            double ratio = posterior / own;
            double nats = t == 0
                ? 0.5 * (Math.Log(2 * Math.PI * own) + (error / own))
                : 0.5 * (ratio - 1 - Math.Log(ratio) + (error / own));
            return nats / Math.Log(2);
        })];

        terms[..5].Zip(expected.Numbers("first_terms_bits")).Should().OnlyContain(pair => Math.Abs(pair.First - pair.Second) < 1e-9);
        terms[500].ShouldBeClose(expected.GetProperty("term_500_bits").GetDouble(), 1e-6);
        terms.Sum().ShouldBeClose(expected.GetProperty("sum_terms_bits").GetDouble(), 1e-9);
    }

    [Fact]
    public void A_measurement_is_the_same_again_and_is_a_bound_of_the_noise_in_the_images()
    {
        using ScriptedModel model = new((noisy, _, _) => zeros_like(noisy));
        using Tensor images = zeros(2, 1, 4, 4);
        VariationalBound bound = new(new Denoiser(model, NoiseSchedule.Linear(250)));
        IReadOnlyList<double> first = bound.Measure(images, cancellationToken: TestContext.Current.CancellationToken);
        first.Should().Equal(bound.Measure(images, cancellationToken: TestContext.Current.CancellationToken));
        first.Should().OnlyContain(bits => bits > 1 && double.IsFinite(bits)).And.OnlyHaveUniqueItems();
        bound.Measure(images, seed: 1, cancellationToken: TestContext.Current.CancellationToken).Should().NotEqual(first);

        VariationalBound impossible = new(new Denoiser(model, new EdmSchedule()));
        impossible.Invoking(each => each.Measure(images)).Should().Throw<InvalidOperationException>()
            .WithMessage("The bound needs timesteps*but the schedule is edm*");
    }

    // A network in float64, so that a denoiser asks it in float64.
    private static nn.Module Exact() => nn.Linear(1, 1).to(ScalarType.Float64);

    // The network of both tables, and its variance.
    private static Tensor Answer(Tensor noisy, bool learned)
    {
        Tensor answer = (0.6 * noisy) + (0.1 * (2 * noisy).cos());
        return learned ? cat([answer, noisy.tanh()], 1) : answer;
    }
}
