namespace Diffusion.Core.Tests.Schedules;

public sealed class NoiseScheduleTests
{
    private static readonly NoiseScheduleKind[] OfBetas = [NoiseScheduleKind.Cosine, NoiseScheduleKind.Linear,
        NoiseScheduleKind.ScaledLinear, NoiseScheduleKind.Sigmoid];

    /// <summary>
    /// sqrt(alpha-bar) at timesteps 0, 1, T/2, T-2 and T-1, computed with 40 decimal digits by a program in another language; the cosine
    /// schedule's from its closed form instead of a product of betas.
    /// </summary>
    public static TheoryData<NoiseScheduleKind, int, double[]> Alphas { get; } = new()
    {
        { NoiseScheduleKind.Linear, 250,
            [0.999799979995999, 0.9994401478611046, 0.27208604024874516, 0.005956736354285326, 0.00571350079678889] },
        { NoiseScheduleKind.Linear, 1000,
            [0.9999499987499375, 0.9998900399904341, 0.2789205233843933, 0.006417315356236167, 0.006352818087570022] },
        { NoiseScheduleKind.Linear, 4000,
            [0.999987499921874, 0.9999743779692989, 0.2806180236981442, 0.006532987247031153, 0.006516634312129408] },
        { NoiseScheduleKind.ScaledLinear, 250,
            [0.9982985525382675, 0.9965621403119336, 0.520947916346789, 0.06776025666671305, 0.06611401265336243] },
        { NoiseScheduleKind.ScaledLinear, 1000,
            [0.9995749096490968, 0.9991476506695351, 0.5256735525237833, 0.06867822726218077, 0.06826491421716752] },
        { NoiseScheduleKind.ScaledLinear, 4000,
            [0.9998937443548689, 0.9997873534288527, 0.526847225180692, 0.06890384583603461, 0.06880041243396028] },
        { NoiseScheduleKind.Cosine, 250,
            [0.9999028608833318, 0.9997668714039967, 0.6982910805535001, 0.006233762802275137, 0.000197128888484233] },
        { NoiseScheduleKind.Cosine, 1000,
            [0.9999793576745363, 0.9999562870082712, 0.7016303673935462, 0.0015584501618705901, 4.928252131369162e-05] },
        { NoiseScheduleKind.Cosine, 4000,
            [0.9999950670784263, 0.9999899823831395, 0.7024627959360309, 0.0003896126883007743, 1.2320635003316847e-05] },
        { NoiseScheduleKind.Sigmoid, 250,
            [0.9997015450606905, 0.9993983329812759, 0.5363905772878521, 0.0057461600607059266, 0.005512112635553877] },
        { NoiseScheduleKind.Sigmoid, 1000,
            [0.9999253946166099, 0.9998504982343378, 0.5467061622542395, 0.006363145449033826, 0.006299350752683334] },
        { NoiseScheduleKind.Sigmoid, 4000,
            [0.9999813491759713, 0.9999626802613533, 0.5492433053233066, 0.0065193550010906095, 0.006503076388281751] },
    };

    [Theory]
    [MemberData(nameof(Alphas))]
    public void Every_schedule_is_its_formula(NoiseScheduleKind kind, int timesteps, double[] alphas)
    {
        DiscreteSchedule schedule = NoiseSchedule.Create(kind, timesteps);
        foreach ((int t, double alpha) in ((int[])[0, 1, timesteps / 2, timesteps - 2, timesteps - 1]).Zip(alphas))
        {
            schedule[t].Alpha.Should().BeApproximately(alpha, 1e-11 * alpha, "that is the golden number of timestep {0}", t);
            schedule[t].Label.Should().Be(t);
        }
    }

    [Theory]
    [InlineData(NoiseScheduleKind.Linear)]
    [InlineData(NoiseScheduleKind.ScaledLinear)]
    [InlineData(NoiseScheduleKind.Cosine)]
    [InlineData(NoiseScheduleKind.Sigmoid)]
    public void Every_schedule_loses_the_image_step_by_step_and_nearly_wholly(NoiseScheduleKind kind)
    {
        foreach (int timesteps in (int[])[250, 1000, 4000])
        {
            DiscreteSchedule schedule = NoiseSchedule.Create(kind, timesteps);
            schedule.Timesteps.Should().Be(timesteps);
            schedule.Betas.Should().HaveCount(timesteps).And.BeInAscendingOrder().And.OnlyContain(b => b > 0 && b < 1);
            NoiseLevel[] levels = [.. Enumerable.Range(0, timesteps).Select(t => schedule[t])];
            levels.Zip(levels.Skip(1)).Should().OnlyContain(pair =>
                pair.First.Alpha > pair.Second.Alpha && pair.First.Sigma < pair.Second.Sigma && pair.First.LogSnr > pair.Second.LogSnr);
            levels.Should().OnlyContain(l => Math.Abs((l.Alpha * l.Alpha) + (l.Sigma * l.Sigma) - 1) < 1e-14, "the variance is preserved");
            levels[0].Alpha.Should().BeGreaterThan(0.99);
            levels[0].Sigma.Should().BeApproximately(Math.Sqrt(schedule.Betas![0]), 1e-10);
            levels[^1].Alpha.Should().BePositive().And.BeLessThan(0.1);
        }
    }

    [Theory]
    [InlineData(NoiseScheduleKind.Linear)]
    [InlineData(NoiseScheduleKind.ScaledLinear)]
    [InlineData(NoiseScheduleKind.Cosine)]
    [InlineData(NoiseScheduleKind.Sigmoid)]
    public void Every_number_of_timesteps_ends_in_about_the_same_noise(NoiseScheduleKind kind)
    {
        double[] middles = [.. ((int[])[250, 1000, 4000]).Select(timesteps => NoiseSchedule.Create(kind, timesteps)[timesteps / 2].Alpha)];
        (middles.Max() - middles.Min()).Should().BeLessThan(0.015);
    }

    [Fact]
    public void The_cosine_schedule_caps_beta_and_matches_the_paper_elsewhere()
    {
        DiscreteSchedule schedule = NoiseSchedule.Cosine(1000);
        schedule.Betas![^1].Should().Be(0.999);
        schedule.Betas!.Count(beta => beta == 0.999).Should().Be(1);

        // Equation 17: alpha-bar(t) = f(t) / f(0).
        static double F(double t) => Math.Pow(Math.Cos(((t / 1000) + 0.008) / 1.008 * Math.PI / 2), 2);
        double alpha = schedule[499].Alpha;
        (alpha * alpha).Should().BeApproximately(F(500) / F(0), 1e-12);
    }

    [Fact]
    public void Betas_can_be_given()
    {
        DiscreteSchedule schedule = NoiseSchedule.Linear(500, betaStart: 0.001, betaEnd: 0.05);
        schedule.Betas![0].Should().Be(0.001);
        schedule.Betas![^1].Should().BeApproximately(0.05, 1e-15);
        schedule.Description.Should().Be("linear(timesteps: 500, betaStart: 0.001, betaEnd: 0.05)");
    }

    [Fact]
    public void Descriptions_tell_schedules_apart()
    {
        string[] descriptions =
        [
            .. OfBetas.SelectMany(kind => (int[])[250, 1000], (kind, t) => NoiseSchedule.Create(kind, t).Description),
            NoiseSchedule.Linear(betaEnd: 0.03).Description,
            NoiseSchedule.ScaledLinear(betaStart: 1e-3).Description,
        ];
        descriptions.Should().OnlyHaveUniqueItems();
        NoiseSchedule.Sigmoid().Description.Should().Be(NoiseSchedule.Sigmoid(1000).Description);
    }

    [Theory]
    [InlineData(249)]
    [InlineData(4001)]
    [InlineData(0)]
    [InlineData(-1000)]
    public void A_number_of_timesteps_outside_its_range_is_refused_with_the_remedy(int timesteps)
    {
        foreach (NoiseScheduleKind kind in OfBetas)
        {
            ((Func<DiscreteSchedule>)(() => NoiseSchedule.Create(kind, timesteps)))
                .Should().Throw<ArgumentOutOfRangeException>().WithMessage("*250..4000. Use 1000*");
        }
    }

    [Theory]
    [InlineData(-1)]
    [InlineData(1000)]
    [InlineData(int.MinValue)]
    public void A_timestep_outside_the_schedule_is_refused(int timestep) =>
        ((Func<NoiseLevel>)(() => NoiseSchedule.Cosine()[timestep]))
            .Should().Throw<ArgumentOutOfRangeException>().WithMessage("*[0, 999], 0 and 999 included*");

    [Fact]
    public void An_unknown_kind_is_refused() =>
        ((Func<DiscreteSchedule>)(() => NoiseSchedule.Create((NoiseScheduleKind)99))).Should().Throw<ArgumentOutOfRangeException>();

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(-0.1)]
    [InlineData(double.NaN)]
    public void A_beta_that_is_no_variance_share_is_refused(double beta)
    {
        double[] betas = [.. Enumerable.Repeat(0.01, 300)];
        betas[7] = beta;
        ((Func<DiscreteSchedule>)(() => new DiscreteSchedule(betas, "own"))).Should().Throw<ArgumentException>().WithMessage("Beta 7 is*");
    }

    [Fact]
    public void A_description_is_required() =>
        ((Func<DiscreteSchedule>)(() => new DiscreteSchedule([.. Enumerable.Repeat(0.01, 300)], null!))).Should()
            .Throw<ArgumentNullException>();

    [Fact]
    public void A_schedule_keeps_its_own_copy_of_the_betas()
    {
        double[] betas = [.. Enumerable.Repeat(0.01, 300)];
        DiscreteSchedule schedule = new(betas, "own");
        betas[0] = 0.5;
        schedule.Betas![0].Should().Be(0.01);
    }
}
