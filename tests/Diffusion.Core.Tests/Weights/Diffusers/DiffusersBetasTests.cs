using System.Text.Json;
using Diffusion.Core.Tests.Networks;
using Diffusion.TestKit;

namespace Diffusion.Core.Tests.Weights.Diffusers;

public sealed class DiffusersBetasTests : IDisposable
{
    private readonly TemporaryFolder temporary = new();

    private string Out => Path.Combine(temporary.Path, "out");

    public void Dispose() => temporary.Dispose();

    public static TheoryData<string, string, DiscreteSchedule> Schedules { get; } = new()
    {
        { "DDPMScheduler", "linear", NoiseSchedule.Linear(400) },
        { "DDPMScheduler", "linear", NoiseSchedule.Linear(1000, 0.002, 0.03) },
        { "DDIMScheduler", "scaled_linear", NoiseSchedule.ScaledLinear() },
        { "DDPMScheduler", "squaredcos_cap_v2", NoiseSchedule.Cosine(4000) },
        { "DDPMScheduler", "sigmoid", NoiseSchedule.Sigmoid(250) },
        { "DDIMScheduler", "trained_betas", NoiseSchedule.Sigmoid(250) },
        { "DDPMScheduler", "trained_betas",
            new DiscreteSchedule([.. Enumerable.Range(1, 250).Select(t => t / 1000.0)], "mine") },
        { "HeunDiscreteScheduler", "exp", NoiseSchedule.Exponential() },
        { "DDPMScheduler", "trained_betas", NoiseSchedule.Exponential() },
        { "DDPMScheduler", "trained_betas", NoiseSchedule.Laplace() },
        { "DDPMScheduler", "linear", NoiseSchedule.Linear().WithZeroTerminalSnr() },
        { "DDPMScheduler", "trained_betas", Mine(NoiseSchedule.Cosine(250)) },
    };

    [Theory]
    [MemberData(nameof(Schedules))]
    public void Every_schedule_comes_back_with_its_noise_levels(string name, string written, DiscreteSchedule schedule)
    {
        using UNet2D unet = new(TinyUNet.Options);
        DiffusersFolder.Save(Out, unet, new DiffusersScheduler { ClassName = name, Schedule = schedule });

        using JsonDocument config = JsonDocument.Parse(File.ReadAllText(Path.Combine(Out, "scheduler", "scheduler_config.json")));
        bool isListed = config.RootElement.GetProperty("trained_betas").ValueKind == JsonValueKind.Array;
        (isListed ? "trained_betas" : config.RootElement.GetProperty("beta_schedule").GetString()).Should().Be(written);
        using DiffusersModel back = DiffusersFolder.Load(Out);
        if (!isListed)
        {
            back.Scheduler!.Schedule.Description.Should().Be(schedule.Description);
        }

        DiscreteSchedule read = (DiscreteSchedule)back.Scheduler!.Schedule;
        read.Timesteps.Should().Be(schedule.Timesteps);
        for (int t = 0; t < schedule.Timesteps; t++)
        {
            read[t].Alpha.Should().BeApproximately(schedule[t].Alpha, 1e-12);
        }
    }

    [Fact]
    public void A_schedule_that_diffusers_cannot_express_is_refused_before_anything_is_written()
    {
        using UNet2D unet = new(TinyUNet.Options);
        Action save = () =>
            DiffusersFolder.Save(Out, unet, new DiffusersScheduler { Schedule = Mine(NoiseSchedule.Cosine(250), sigma: 2) });
        save.Should().Throw<ArgumentException>().WithMessage("*mine*timestep 0*alpha^2 + sigma^2*");
        Directory.EnumerateFileSystemEntries(temporary.Path).Should().BeEmpty();
    }

    private static DiscreteSchedule Mine(DiscreteSchedule schedule, double sigma = 1) =>
        new([.. Enumerable.Range(0, schedule.Timesteps).Select(t => schedule[t] with { Sigma = sigma * schedule[t].Sigma })], "mine");
}
