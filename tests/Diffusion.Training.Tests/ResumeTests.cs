using Diffusion.TestKit;
using Diffusion.TestKit.Resuming;

namespace Diffusion.Training.Tests;

public sealed class ResumeTests : IDisposable
{
    private const int Steps = 12;

    private readonly TemporaryFolder folder = new();

    public static TheoryData<string> Cases => [.. ResumeCase.All.Select(one => one.Name)];

    public void Dispose() => folder.Dispose();

    [Theory]
    [MemberData(nameof(Cases))]
    public void A_run_that_goes_on_from_any_of_its_steps_ends_with_the_same_bits(string name)
    {
        ResumeCase run = ResumeCase.Named(name);
        string whole = folder.File("whole", "run");
        string expected = run.Train(whole, Steps, saveEach: true);

        run.Train(folder.File("unsaved", "run"), Steps).Should().Be(expected, "saving changes nothing");
        for (int step = 0; step < Steps; step++)
        {
            string resumed = folder.File($"from {step}", "run");
            ResumeCase.Hand(whole, step, resumed);
            run.Train(resumed, Steps).Should().Be(expected, "it went on from step {0}", step);
        }
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void A_run_that_was_stopped_twice_ends_with_the_same_bits(string name)
    {
        ResumeCase run = ResumeCase.Named(name);
        string expected = run.Train(folder.File("whole", "run"), Steps);

        string stopped = folder.File("stopped", "run");
        run.Train(stopped, Steps, stopAt: 3).Should().StartWith("3 ");
        run.Train(stopped, Steps, stopAt: 8).Should().StartWith("8 ");
        run.Train(stopped, Steps).Should().Be(expected);
    }
}
