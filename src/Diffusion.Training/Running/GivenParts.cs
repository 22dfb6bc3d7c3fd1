using System.Diagnostics.Metrics;
using Diffusion.Data;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Training;

/// <summary>The parts passed to a builder so far, unchecked; null for a part that is missing and has no default.</summary>
internal sealed class GivenParts(IDiffusionModel model)
{
    private IProcessGroup? group;
    private bool findsGroup;

    /// <summary>The model.</summary>
    public IDiffusionModel Model { get; } = model;

    /// <summary>The edits of the options.</summary>
    public OptionEdits Edits { get; } = new();

    /// <summary>The problems of the calls themselves.</summary>
    public List<string> Problems { get; } = [];

    /// <summary>The observers of progress.</summary>
    public List<IProgress<TrainingProgress>> Observers { get; } = [];

    /// <summary>The observers of health findings.</summary>
    public List<IProgress<HealthFinding>> FindingObservers { get; } = [];

    /// <summary>The previews.</summary>
    public List<TrainerSetup.Preview> Previews { get; } = [];

    /// <summary>The images that all processes sample together.</summary>
    public List<ISharedSamples> Samples { get; } = [];

    /// <summary>The observers of whole runs.</summary>
    public List<IRunObserver> RunObservers { get; } = [];

    /// <summary>The device to train on.</summary>
    public ComputeDevice? Device { get; set; }

    /// <summary>The device to train on: the given one; of several processes by default the GPU of this one; else the best.</summary>
    public ComputeDevice ChosenDevice => Device ?? RankDevice.Best(group?.LocalRank ?? 0);

    /// <summary>The noise schedule.</summary>
    public INoiseSchedule? Schedule { get; set; }

    /// <summary>The images.</summary>
    public IImageSource? Source { get; set; }

    /// <summary>The parts of the objective that no option names.</summary>
    public ObjectiveParts Objective { get; set; } = new(null, null, null, null);

    /// <summary>The optimizer.</summary>
    public IOptimizerFactory Optimizer { get; set; } = new AdamWFactory();

    /// <summary>The processes to train with, if there are at least two.</summary>
    public RunProcesses? Processes => group is { WorldSize: > 1 } processes
        ? new RunProcesses(processes, Distributed!, findsGroup, Logger)
        : null;

    /// <summary>How the processes train together; null for a single process.</summary>
    public DistributedOptions? Distributed { get; private set; }

    /// <summary>The logger.</summary>
    public ILogger Logger { get; set; } = NullLogger.Instance;

    /// <summary>The name of the run in metrics, spans and logs; null for that of its folder.</summary>
    public string? Run { get; set; }

    /// <summary>Creates the meter of the run; null for the meter of the process.</summary>
    public IMeterFactory? Meters { get; set; }

    /// <summary>The clock.</summary>
    public TimeProvider Time { get; set; } = TimeProvider.System;

    /// <summary>Trains with other processes.</summary>
    /// <param name="processes">The processes; null to find those that a launcher started.</param>
    /// <param name="options">How they train together.</param>
    public void Distribute(IProcessGroup? processes, DistributedOptions options) =>
        (group, findsGroup, Distributed) = (processes, processes is null, options);

    /// <summary>Starts a run. If this fails, the network returns to its device, and the other processes end.</summary>
    /// <param name="start">Starts the run.</param>
    public T Start<T>(Func<T> start)
    {
        Device? home = Model.Network.parameters().FirstOrDefault()?.device;
        try
        {
            group ??= findsGroup ? Find() : null;
            return start();
        }
        catch (Exception error)
        {
            Processes?.Fail(error);
            if (findsGroup)
            {
                group?.Dispose();
                group = null;
            }

            if (home is not null)
            {
                Model.Network.to(home);
            }

            throw;
        }
    }

    // Without a trainer that disposes it, the group ends in good order with the process.
    private IProcessGroup Find()
    {
        ProcessPlace place = ProcessPlace.Read();
        IProcessGroup found = ProcessGroups.Create(() => Device ?? RankDevice.Best(place), Distributed!.Launch, place);
        AppDomain.CurrentDomain.ProcessExit += (_, _) => found.Dispose();
        return found;
    }
}
