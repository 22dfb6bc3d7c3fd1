using System.CommandLine;
using Diffusion.Benchmarks;

RootCommand root = new("Measures the library against its targets. Each command ends in PASS or FAIL, and in exit code 0 or 1.")
{
    UpdateCommand.Create(),
    DeviceCommand.Create(),
    RanksCommand.Create(),
    NcclCommand.Create(),
    RankFailuresCommand.Create(),
    RankTrialCommand.Create(),
    OverheadCommand.Create(),
    SoakCommand.Create(),
    QualityCommand.Create(),
    CompareCommand.Create(),
    ShapesCommand.Create(),
    SamplingCommand.Create(),
    InpaintingCommand.Create(),
    SolversCommand.Create(),
    LoadingCommand.Create(),
    StreamingCommand.Create(),
    FuzzCommand.Create(),
    FaultsCommand.Create(),
    BitsCommand.Create(),
    SaveSamplesCommand.Create(),
    PowerLossCommand.Create(),
    ResumeCommand.Create(),
    TrainCommand.Create(),
    SavingCommand.Create(),
    HealthCommand.Create(),
    LrRangeCommand.Create(),
    PlanCommand.Create(),
    ViewBenchmarkCommand.Create(),
    MemoryCommand.Create(),
    CheckpointingCommand.Create(),
    BesideTrainingCommand.Create(),
    MemoryCaseCommand.Create(),
};
return root.Parse(args).Invoke();
