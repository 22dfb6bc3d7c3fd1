using System.Reflection;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Diffusion.Data;
using Diffusion.Tool.RunFiles;
using Diffusion.Training;

namespace Diffusion.Tool.Tests;

/// <summary>A run file can name whatever the library offers, except for what is listed here with its reason.</summary>
public sealed class RunFileCoverageTests
{
    /// <summary>What each method of the builder corresponds to.</summary>
    private static readonly Dictionary<string, string> Methods = new(StringComparer.Ordinal)
    {
        [nameof(TrainerBuilder.UseOptions)] = "training",
        [nameof(TrainerBuilder.UseDevice)] = "device",
        [nameof(TrainerBuilder.UseData)] = "data",
        [nameof(TrainerBuilder.UseSchedule)] = "training.schedule",
        [nameof(TrainerBuilder.UsePrediction)] = "training.objective.prediction",
        [nameof(TrainerBuilder.UseTimeLaw)] = "training.objective.times",
        [nameof(TrainerBuilder.UseLossWeighting)] = "training.objective.weighting",
        [nameof(TrainerBuilder.UseLossFunction)] = "training.objective.function",
        [nameof(TrainerBuilder.UseOptimizer)] = "optimizer",
        [nameof(TrainerBuilder.AddParameterRule)] = "training.parameterRules",
        [nameof(TrainerBuilder.UseLearningRate)] = "training.learningRate",
        [nameof(TrainerBuilder.UseEma)] = "training.ema",
        [nameof(TrainerBuilder.UseCheckpoints)] = "training.runFolder",
        [nameof(TrainerBuilder.UseInitialWeights)] = "training.initialWeights",
        [nameof(TrainerBuilder.UseDistributed)] = "distributed",
        [nameof(TrainerBuilder.UseTelemetry)] = "name",
        [nameof(TrainerBuilder.ReportTo)] = "report.tensorBoard",
        [nameof(TrainerBuilder.ObserveWith)] = "report",
        [nameof(TrainerBuilder.AddPreview)] = "report.everySteps",
        [nameof(TrainerBuilder.BuildLrRangeFinder)] = "rateFinder",
        [nameof(TrainerBuilder.Plan)] = "report.plan",
    };

    /// <summary>Methods that take code, and those that need no option.</summary>
    private static readonly string[] MethodsLeftOut =
    [
        nameof(TrainerBuilder.UseObjective), // an objective of a program's own type
        nameof(TrainerBuilder.UseLogger), // an object of a program; the command prints
        nameof(TrainerBuilder.UseTimeProvider), // an object of a program
        nameof(TrainerBuilder.ReportFindingsTo), // the command prints findings always
        nameof(TrainerBuilder.Configure), // the file sets the options themselves
        nameof(TrainerBuilder.Build), // diffusion train
    ];

    [Fact]
    public void Each_method_of_the_builder_has_a_place_in_the_run_file()
    {
        string[] known = [.. Methods.Keys, .. MethodsLeftOut];
        typeof(TrainerBuilder).GetMethods(BindingFlags.Public | BindingFlags.Instance | BindingFlags.DeclaredOnly)
            .Select(method => method.Name).Distinct().Should().BeEquivalentTo(known);
        foreach (string place in Methods.Values.Append("cpuThreads"))
        {
            JsonTypeInfo section = RunFileJson.Default.RunFile;
            foreach (string name in place.Split('.'))
            {
                section.Properties.Select(option => option.Name).Should().Contain(name, place);
                section = Info(section.Properties.Single(option => option.Name == name).PropertyType);
            }
        }
    }

    [Fact]
    public void Each_option_of_the_library_that_is_a_section_has_its_name()
    {
        Type[] sections = [.. Sections(typeof(RunFile)).Distinct().Where(type => type.Assembly != typeof(RunFile).Assembly)];

        Type[] known =
        [
            typeof(TrainingOptions), typeof(LrRangeOptions), typeof(DistributedOptions), typeof(LoadingOptions), typeof(HealthOptions),
            typeof(ObjectiveOptions), typeof(LearningRate), typeof(LossScaleOptions),
        ];
        known.Should().BeSubsetOf(sections);
        sections.Should().OnlyContain(type => !Unnamed(type, type).Any());
    }

    [Fact]
    public void Each_option_of_the_network_has_its_name_unless_images_and_objective_determine_it() =>
        Unnamed(typeof(UNet2DOptions), typeof(UNetSection)).Should().BeEquivalentTo(
            nameof(UNet2DOptions.SampleSize), // of the images
            nameof(UNet2DOptions.InChannels), // of the images and the objective
            nameof(UNet2DOptions.OutChannels), // of the images and the objective
            nameof(UNet2DOptions.NumClassEmbeds), // of the images and network.classes
            nameof(UNet2DOptions.ClassEmbedType)); // a run trains with class numbers only

    [Fact]
    public void Each_option_of_shards_has_its_name_unless_it_is_code_or_a_secret() =>
        Unnamed(typeof(ShardOptions), typeof(ShardSection)).Should().BeEquivalentTo(
            nameof(ShardOptions.Split), // data.split, as for every source
            nameof(ShardOptions.Where), // code
            nameof(ShardOptions.Map), // code
            nameof(ShardOptions.HttpClient), // an object of a program
            nameof(ShardOptions.Logger), // an object of a program
            nameof(ShardOptions.Headers)); // may contain passwords, and the run folder contains the run file

    [Fact]
    public void Each_number_of_each_optimizer_reaches_it_and_other_kinds_refuse_it()
    {
        MethodInfo[] optimizers = [.. typeof(Optimizers).GetMethods(BindingFlags.Public | BindingFlags.Static | BindingFlags.DeclaredOnly)
            .Where(method => method.Name != nameof(Optimizers.FromTorch))]; // an optimizer that a program creates
        PropertyInfo[] options =
            [.. typeof(OptimizerSection).GetProperties().Where(option => option.Name != nameof(OptimizerSection.Kind))];

        optimizers.Select(method => method.Name).Should().BeEquivalentTo(Enum.GetNames<OptimizerKind>());
        foreach (MethodInfo method in optimizers)
        {
            OptimizerKind kind = Enum.Parse<OptimizerKind>(method.Name);
            string[] own = [.. method.GetParameters().Select(parameter => parameter.Name!)];
            own.Should().BeSubsetOf(options.Select(NameOf), method.Name);
            foreach (PropertyInfo option in options)
            {
                OptimizerSection section = new() { Kind = kind };
                string usual = section.Create().Description;
                option.SetValue(section, Unusual(option.PropertyType));
                bool isOwn = own.Contains(NameOf(option), StringComparer.Ordinal);

                (section.Create().Description != usual).Should().Be(isOwn, $"{kind} and {option.Name}");
                OptimizerOptionFit.Problems(section).Should().HaveCount(isOwn ? 0 : 1, $"{kind} and {option.Name}");
            }
        }
    }

    private static string NameOf(PropertyInfo option) => JsonNamingPolicy.CamelCase.ConvertName(option.Name);

    private static object Unusual(Type type) => type == typeof(bool?) ? false
        : type == typeof(double?) ? 0.25
        : new Dictionary<string, int>(StringComparer.Ordinal) { ["*other.weight"] = 2 };

    private static JsonTypeInfo Info(Type type) => RunFileJson.Default.GetTypeInfo(type)!;

    private static IEnumerable<Type> Sections(Type type) => Info(type).Kind == JsonTypeInfoKind.Object
        ? [type, .. Info(type).Properties.SelectMany(option => Sections(option.PropertyType))]
        : [];

    // The public options that the section cannot set.
    private static IEnumerable<string> Unnamed(Type options, Type section)
    {
        string[] names = [.. Info(section).Properties.Select(option => option.Name)];
        return options.GetProperties().Where(option => option.CanWrite && !names.Contains(NameOf(option), StringComparer.Ordinal))
            .Select(option => option.Name);
    }
}
