using Diffusion.Sampling;
using Microsoft.Extensions.Options;

namespace Diffusion.Hosting;

/// <summary>Finds every invalid value when the host starts. Each message says what, actual, expected, remedy.</summary>
internal sealed class HostedSamplerOptionsValidator(string own) : IValidateOptions<HostedSamplerOptions>
{
    public ValidateOptionsResult Validate(string? name, HostedSamplerOptions options)
    {
        if (name != own)
        {
            return ValidateOptionsResult.Skip;
        }

        string[] problems =
        [
            .. options.Sampler is null ? [$"Sampler '{name}': Sampler (null) must have a value. Leave it out for its default."]
                : Array.Empty<string>(),
            .. options.Sampler is StepSampler { Steps: < 1 } sampler ? AtLeastOne(name, "Sampler.Steps", sampler.Steps.Value, 20) : [],
            .. AtLeastOne(name, nameof(options.QueueCapacity), options.QueueCapacity, 64),
            .. AtLeastOne(name, nameof(options.MaxBatchSize), options.MaxBatchSize, 16),
            .. AtLeastOne(name, nameof(options.MaxImagesPerRequest), options.MaxImagesPerRequest, 1024),
        ];
        return problems.Length == 0 ? ValidateOptionsResult.Success : ValidateOptionsResult.Fail(problems);
    }

    private static string[] AtLeastOne(string name, string option, int value, int usual) =>
        value >= 1 ? [] : [$"Sampler '{name}': {option} ({value}) must be at least 1. Use {usual}."];
}
