namespace Diffusion.Data;

/// <summary>A server refuses a file or does not have it, or cannot be reached.</summary>
internal sealed class RemoteException(string message, Exception? inner, bool isRefusal) : IOException(message, inner)
{
    /// <summary>Whether the server answered, so that a retry is pointless; false when it could not be reached.</summary>
    public bool IsRefusal { get; } = isRefusal;
}

/// <summary>Delays retries, and gives up after too many consecutive requests that brought nothing. For a single fetch.</summary>
/// <param name="address">The file.</param>
/// <param name="options">Timeouts and retries.</param>
internal sealed class RemoteRetry(Uri address, RemoteFileOptions options)
{
    private const string GeneralRemedy = "Check the network and run again.";

    private int requests;
    private int failures;

    /// <summary>Waits until the next request is due.</summary>
    /// <param name="failure">Why the last request failed.</param>
    /// <param name="progressed">Whether the last request brought new bytes.</param>
    /// <param name="state">A sentence that says how much has arrived.</param>
    /// <param name="cancellation">Cancels the wait.</param>
    /// <exception cref="RemoteException">A retry is pointless, or there were too many failures.</exception>
    public async Task After(RemoteFailure failure, bool progressed, string state, CancellationToken cancellation)
    {
        requests++;
        failures = progressed ? 0 : failures + 1;
        string name = RemoteFile.NameOf(address);
        if (failure.IsFinal)
        {
            string remedy = failure.Remedy.Length > 0 ? " " + failure.Remedy : string.Empty;
            throw new RemoteException($"{name}: {failure.Cause}. Requests made: {requests}.{remedy}", failure.Problem, isRefusal: true);
        }

        if (failures >= options.Attempts)
        {
            throw new RemoteException(
                $"{name}: gave up after {requests} requests, the last {failures} of which brought no new data; "
                + $"the last request failed because {failure.Cause}. {state} "
                + $"{(failure.Remedy.Length > 0 ? failure.Remedy : GeneralRemedy)}",
                failure.Problem, isRefusal: false);
        }

        TimeSpan delay = options.DelayAfter(address, failures, requests, failure.RetryAfter);
        await Task.Delay(delay, options.Time, cancellation).ConfigureAwait(false);
    }
}
