using System.Diagnostics.CodeAnalysis;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;

namespace Diffusion.Hosting;

/// <summary>Adds runs and samplers to the services of a host.</summary>
public static class DiffusionServices
{
    private const string Reflects = "Options are bound from configuration by reflection.";

    /// <summary>
    /// Adds a run: options bound and checked when the host starts, a hosted service that trains, saves and resumes, and a health check
    /// <c>diffusion-training-name</c>.
    /// </summary>
    /// <param name="services">The services.</param>
    /// <param name="name">
    /// The name of the run: the key of its <see cref="HostedTraining"/>, and the name in metrics, spans and logs. Each run has its own.
    /// </param>
    /// <param name="configuration">
    /// The section of <see cref="HostedTrainingOptions"/>. A key that is none of its options is an error when the host starts.
    /// </param>
    /// <returns>A builder for images, model and trainer that configuration cannot describe.</returns>
    /// <exception cref="ArgumentException">A run of this name was added before.</exception>
    [RequiresUnreferencedCode(Reflects)]
    [RequiresDynamicCode(Reflects)]
    public static HostedTrainingBuilder AddDiffusionTraining(this IServiceCollection services, string name, IConfiguration configuration)
    {
        ArgumentNullException.ThrowIfNull(configuration);
        RefuseTwice<HostedTraining>(services, name);
        HostedTrainingBuilder builder = new(name);
        services.AddOptions<HostedTrainingOptions>(name)
            .Bind(configuration, binder => binder.ErrorOnUnknownConfiguration = true)
            .ValidateOnStart();
        services.AddSingleton<IValidateOptions<HostedTrainingOptions>>(new HostedTrainingOptionsValidator(builder));
        services.AddKeyedSingleton(name, (provider, _) => new HostedTraining(provider, builder));
        services.AddSingleton<IHostedService>(provider => provider.GetRequiredKeyedService<HostedTraining>(name));
        services.AddHealthChecks().Add(new HealthCheckRegistration(
            $"diffusion-training-{name}",
            provider => new TrainingHealthCheck(provider.GetRequiredKeyedService<HostedTraining>(name)),
            failureStatus: null,
            tags: ["diffusion"]));
        return builder;
    }

    /// <summary>Adds a sampler with a queue.</summary>
    /// <param name="services">The services.</param>
    /// <param name="name">
    /// The name of the sampler: the key of its <see cref="HostedSampler"/>, and the name in metrics and spans. Each sampler has its own.
    /// </param>
    /// <param name="open">
    /// Opens the model for the first request, or for each pass (<see cref="HostedSamplerOptions.ReopensModel"/>), on the sampling thread.
    /// If it throws, the requests of the pass get the exception, and the next pass opens the model again. The sampler disposes the model.
    /// </param>
    /// <param name="configure">Edits the options. Default null: the defaults.</param>
    /// <returns>The services.</returns>
    /// <exception cref="ArgumentException">A sampler of this name was added before.</exception>
    public static IServiceCollection AddDiffusionSampler(this IServiceCollection services, string name,
        Func<IServiceProvider, TrainedModel> open, Action<HostedSamplerOptions>? configure = null)
    {
        ArgumentNullException.ThrowIfNull(open);
        RefuseTwice<HostedSampler>(services, name);
        services.AddOptions<HostedSamplerOptions>(name).Configure(options => configure?.Invoke(options)).ValidateOnStart();
        services.AddSingleton<IValidateOptions<HostedSamplerOptions>>(new HostedSamplerOptionsValidator(name));
        services.AddKeyedSingleton(name, (provider, _) => new HostedSampler(provider, name, open));
        services.AddSingleton<IHostedService>(provider => provider.GetRequiredKeyedService<HostedSampler>(name));
        return services;
    }

    private static void RefuseTwice<TService>(IServiceCollection services, string name)
    {
        ArgumentNullException.ThrowIfNull(services);
        ArgumentException.ThrowIfNullOrWhiteSpace(name);
        if (services.Any(service => service.ServiceType == typeof(TService) && name.Equals(service.ServiceKey)))
        {
            throw new ArgumentException($"'{name}' was added twice. Give each run and each sampler a name of its own.", nameof(name));
        }
    }
}
