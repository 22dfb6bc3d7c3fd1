namespace Diffusion.Training.Tests.Distributed;

public sealed class ProcessPlaceTests
{
    [Fact]
    public void Without_a_launcher_the_process_is_alone() => Read("HOME=/root").Should().Be(ProcessPlace.Alone);

    [Theory]
    [InlineData("RANK=3 WORLD_SIZE=8 LOCAL_RANK=1 MASTER_ADDR=h MASTER_PORT=29500", "torchrun", 3, 8, 1, "h", 29500)]
    [InlineData(
        "RANK=3 WORLD_SIZE=8 LOCAL_RANK=1 MASTER_ADDR=h MASTER_PORT=29500 TORCHELASTIC_USE_AGENT_STORE=True",
        "torchrun", 3, 8, 1, "h", 29501)]
    [InlineData("OMPI_COMM_WORLD_RANK=1 OMPI_COMM_WORLD_SIZE=2 OMPI_COMM_WORLD_LOCAL_RANK=1", "Open MPI", 1, 2, 1, null, null)]
    [InlineData("PMI_RANK=0 PMI_SIZE=2 MPI_LOCALRANKID=0", "MPICH", 0, 2, 0, null, null)]
    [InlineData(
        "SLURM_PROCID=5 SLURM_NTASKS=6 SLURM_LOCALID=1 SLURM_JOB_NODELIST=gpu[03-05,9],x1 SLURM_JOB_ID=12001",
        "SLURM", 5, 6, 1, "gpu03", 20001)]
    [InlineData(
        "SLURM_PROCID=0 SLURM_NTASKS=1 SLURM_LOCALID=0 OMPI_COMM_WORLD_RANK=1 OMPI_COMM_WORLD_SIZE=2 OMPI_COMM_WORLD_LOCAL_RANK=0",
        "Open MPI", 1, 2, 0, null, null)]
    [InlineData(
        "SLURM_PROCID=5 SLURM_NTASKS=6 SLURM_LOCALID=1 SLURM_JOB_NODELIST=gpu[03-05] SLURM_JOB_ID=12001 SLURM_STEP_NODELIST=gpu05 "
        + "SLURM_STEP_ID=2",
        "SLURM", 5, 6, 1, "gpu05", 28003)]
    [InlineData(
        "SLURM_PROCID=1 SLURM_NTASKS=2 SLURM_LOCALID=1 PMI_RANK=1 PMI_SIZE=2 MASTER_ADDR=h MASTER_PORT=29500",
        "SLURM", 1, 2, 1, "h", 29500)]
    [InlineData(
        "RANK=3 WORLD_SIZE=4 LOCAL_RANK=1 SLURM_PROCID=1 SLURM_NTASKS=2 SLURM_LOCALID=0 PMI_RANK=1 PMI_SIZE=2",
        "torchrun", 3, 4, 1, null, null)]
    [InlineData(
        "OMPI_COMM_WORLD_RANK=1 OMPI_COMM_WORLD_SIZE=2 OMPI_COMM_WORLD_LOCAL_RANK=1 MASTER_PORT=tcp://10.0.0.1:80",
        "Open MPI", 1, 2, 1, null, null)]
    [InlineData("RANK=0 WORLD_SIZE=1", "torchrun", 0, 1, 0, null, null)]
    public void Each_launcher_is_understood(
        string variables, string launcher, int rank, int size, int localRank, string? address, int? port) =>
        Read(variables).Should().Be(new ProcessPlace(launcher, rank, size, localRank, address, port));

    [Theory]
    [InlineData("RANK=3 WORLD_SIZE=8 LOCAL_RANK=1 LOCAL_WORLD_SIZE=2", 2)]
    [InlineData("OMPI_COMM_WORLD_RANK=1 OMPI_COMM_WORLD_SIZE=8 OMPI_COMM_WORLD_LOCAL_RANK=1 OMPI_COMM_WORLD_LOCAL_SIZE=4", 4)]
    [InlineData("PMI_RANK=0 PMI_SIZE=8 MPI_LOCALRANKID=0 MPI_LOCALNRANKS=8", 8)]
    [InlineData("SLURM_PROCID=5 SLURM_NTASKS=7 SLURM_LOCALID=1 SLURM_NODEID=2 SLURM_STEP_TASKS_PER_NODE=2(x3),1", 2)]
    [InlineData("SLURM_PROCID=6 SLURM_NTASKS=7 SLURM_LOCALID=0 SLURM_NODEID=3 SLURM_STEP_TASKS_PER_NODE=2(x3),1", 1)]
    [InlineData("SLURM_PROCID=5 SLURM_NTASKS=6 SLURM_LOCALID=1 SLURM_NTASKS_PER_NODE=3", 3)]
    [InlineData("SLURM_PROCID=5 SLURM_NTASKS=6 SLURM_LOCALID=1 SLURM_NODEID=1 SLURM_STEP_TASKS_PER_NODE=two", null)]
    [InlineData("RANK=3 WORLD_SIZE=8 LOCAL_RANK=1", null)]
    public void The_processes_of_the_machine_are_counted(string variables, int? count) =>
        Read(variables).LocalWorldSize.Should().Be(count);

    [Theory]
    [InlineData("RANK=1", "RANK is set, but WORLD_SIZE is not. Start the program with torchrun*")]
    [InlineData("PMI_SIZE=2", "PMI_SIZE is set, but PMI_RANK is not. Start the program with MPICH*")]
    [InlineData("RANK=0 WORLD_SIZE=2", "RANK is set, but LOCAL_RANK is not.*")]
    [InlineData("RANK=2 WORLD_SIZE=2 LOCAL_RANK=0", "RANK is 2, but must be below WORLD_SIZE, which is 2*")]
    [InlineData("RANK=0 WORLD_SIZE=0 LOCAL_RANK=0", "WORLD_SIZE is 0, but must be at least 1.")]
    [InlineData("RANK=x WORLD_SIZE=2 LOCAL_RANK=0", "RANK is 'x', but must be a whole number from 0.*")]
    [InlineData("RANK=-1 WORLD_SIZE=2 LOCAL_RANK=0", "RANK is '-1', but must be a whole number from 0.*")]
    [InlineData("RANK=0 WORLD_SIZE=2 LOCAL_RANK=0 MASTER_PORT=70000", "MASTER_PORT is 70000, but must be a port*")]
    [InlineData("RANK=0 WORLD_SIZE=2 LOCAL_RANK=0 MASTER_PORT=tcp://10.0.0.1:80", "MASTER_PORT is 'tcp://10.0.0.1:80', but must be*")]
    [InlineData(
        "RANK=0 WORLD_SIZE=2 LOCAL_RANK=0 PMI_RANK=1 PMI_SIZE=2 MPI_LOCALRANKID=1",
        "The variables of torchrun say rank 0 of 2, but those of MPICH say rank 1 of 2.*")]
    [InlineData("SLURM_PROCID=0 SLURM_NTASKS=2 SLURM_LOCALID=0 SLURM_JOB_NODELIST=gpu[03", "SLURM_JOB_NODELIST is 'gpu[03'*")]
    public void Wrong_variables_are_named(string variables, string message) =>
        FluentActions.Invoking(() => Read(variables)).Should().Throw<DistributedException>().WithMessage(message);

    [Theory]
    [InlineData("one", "one")]
    [InlineData("one,two", "one")]
    [InlineData("gpu[7]", "gpu7")]
    [InlineData("gpu[001-128]", "gpu001")]
    [InlineData("r[1-2]n[05,07]-ib", "r1n05-ib")]
    public void The_first_machine_of_a_list_is_found(string nodes, string first) =>
        SlurmNodeList.First("SLURM_JOB_NODELIST", nodes).Should().Be(first);

    private static ProcessPlace Read(string variables)
    {
        Dictionary<string, string> values = variables.Split(' ').Select(pair => pair.Split('='))
            .ToDictionary(pair => pair[0], pair => pair[1]);
        return ProcessPlace.Read(name => values.GetValueOrDefault(name));
    }
}
