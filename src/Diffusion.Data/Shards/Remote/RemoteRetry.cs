namespace Diffusion.Data;

/// <summary>A server has no file, refuses it, or cannot be reached.</summary>
internal sealed class RemoteException(string message, Exception? inner, bool isRefusal) : IOException(message, inner)
{
    /// <summary>Whether the server has answered and will answer the same again; false where it could not be reached.</summary>
    public bool IsRefusal { get; } = isRefusal;
}

/// <summary>Waits after requests that failed, and gives up after so many in a row that brought nothing. For one fetch.</summary>
/// <param name="address">What is fetched.</param>
/// <param name="options">How patiently.</param>
internal sealed class RemoteRetry(Uri address, RemoteFileOptions options)
{
    private const string UsualRemedy = "Check the network and run again.";

    private int requests;
    private int idle;

    /// <summary>Waits until it is time for the next request.</summary>
    /// <param name="failure">Why the last one failed.</param>
    /// <param name="progressed">Whether it brought new bytes.</param>
    /// <param name="state">How much is there, as a sentence.</param>
    /// <param name="cancellation">Ends the wait.</param>
    /// <exception cref="RemoteException">The failure is final, or it is one too many.</exception>
    public async Task After(RemoteFailure failure, bool progressed, string state, CancellationToken cancellation)
    {
        requests++;
        idle = progressed ? 0 : idle + 1;
        string name = RemoteFile.NameOf(address);
        if (failure.IsFinal)
        {
            string remedy = failure.Remedy.Length > 0 ? " " + failure.Remedy : string.Empty;
            throw new RemoteException($"{name}: {failure.Cause}. Requests made: {requests}.{remedy}", failure.Problem, isRefusal: true);
        }

        if (idle >= options.Attempts)
        {
            throw new RemoteException(
                $"{name}: given up after {requests} requests, the last {idle} of which brought nothing new; the last failed because "
                    + $"{failure.Cause}. "
                + $"{state} {(failure.Remedy.Length > 0 ? failure.Remedy : UsualRemedy)}",
                failure.Problem, isRefusal: false);
        }

        await Task.Delay(options.DelayAfter(address, idle, requests, failure.RetryAfter), options.Time, cancellation);
    }
}
