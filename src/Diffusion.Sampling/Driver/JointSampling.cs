using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Sampling;

/// <summary>Samples several requests in common passes through the network, which is faster than one after another.</summary>
public static class JointSampling
{
    /// <summary>
    /// Samples several requests. The noise of each is that of <see cref="ISampler.Sample"/>; its images are the same up to rounding in the
    /// network.
    /// </summary>
    /// <remarks>
    /// A request has its own pass if its images depend on each other (<see cref="ISampler.TreatsImagesAlone"/>), if it starts from images
    /// or noise, or if no other request has its shape.
    /// </remarks>
    /// <param name="sampler">The sampler of all requests.</param>
    /// <param name="denoiser">The model, or a denoiser around it that treats each image alone.</param>
    /// <param name="requests">
    /// The requests. The smallest <see cref="SampleRequest.BatchSize"/> of those that share a pass limits its size.
    /// </param>
    /// <param name="cancellationToken">Checked before each step; ends the sampling of all requests.</param>
    /// <returns>The images of each request, in order, as <see cref="ISampler.Sample"/> returns them. They belong to the caller.</returns>
    /// <inheritdoc cref="ISampler.Sample" path="/exception"/>
    public static IReadOnlyList<Tensor> SampleTogether(this ISampler sampler, IDenoiser denoiser, IReadOnlyList<SampleRequest> requests,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(sampler);
        ArgumentNullException.ThrowIfNull(denoiser);
        ArgumentNullException.ThrowIfNull(requests);
        SamplingRun.Refuse([.. requests.SelectMany(request => request.Problems(denoiser)).Distinct(StringComparer.Ordinal)]);
        Tensor?[] sampled = new Tensor?[requests.Count];
        try
        {
            foreach (IGrouping<(ImageShape?, bool, int), int> pass in Enumerable.Range(0, requests.Count).GroupBy(Key))
            {
                Sample([.. pass]);
            }

            return sampled!;
        }
        catch
        {
            Array.ForEach(sampled, images => images?.Dispose());
            throw;
        }

        // Requests with the same key share a pass.
        (ImageShape?, bool, int) Key(int place)
        {
            SampleRequest request = requests[place];
            bool isAlone = !sampler.TreatsImagesAlone || request.StartImages is not null || request.StartNoise is not null;
            return (request.Shape ?? denoiser.Source.SampleShape, request.ClassLabels is null, isAlone ? place : -1);
        }

        void Sample(int[] places)
        {
            if (places is [var only])
            {
                sampled[only] = sampler.Sample(denoiser, requests[only], cancellationToken: cancellationToken);
                return;
            }

            using Tensor images = sampler.Sample(
                denoiser, Joined([.. places.Select(place => requests[place])]), cancellationToken: cancellationToken); // [N, C, H, W]
            int first = 0;
            foreach (int place in places)
            {
                using Tensor own = images.narrow(0, first, requests[place].Count);
                sampled[place] = own.clone();
                first += requests[place].Count;
            }
        }
    }

    private static SampleRequest Joined(SampleRequest[] requests) => requests[0] with
    {
        Count = requests.Sum(request => request.Count),
        FirstIndex = 0,
        BatchSize = requests.Min(request => request.BatchSize),
        ClassLabels = requests[0].ClassLabels is null
            ? null
            : [.. requests.SelectMany(request => request.LabelsAt(0, request.Count)!)],
        Together = [.. requests.SelectMany(request => request.ImagesAt(0, request.Count))],
    };
}
