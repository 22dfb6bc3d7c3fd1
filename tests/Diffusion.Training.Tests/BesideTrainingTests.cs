using Diffusion.TestKit;

namespace Diffusion.Training.Tests;

public sealed class BesideTrainingTests
{
    [Fact]
    public void Pictures_made_by_four_threads_beside_training_equal_their_serial_twins()
    {
        BesideTraining soak = BesideTraining.Run(pictures: 40);

        soak.Failures.Should().BeEmpty();
        soak.Compared.Should().Be(40);
        (soak.Trainers, soak.Loads).Should().Match<(int Trainers, int Loads)>(counts => counts.Trainers > 0 && counts.Loads > 0);
    }
}
