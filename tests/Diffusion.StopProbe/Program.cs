using Diffusion.Training;

// Ends at the first signal, as a run that has saved; with the argument "saving" it never comes to an end by itself, as one whose disk
// hangs.
using StopSignals signals = new();
Console.WriteLine("listening");
signals.Token.WaitHandle.WaitOne();
Console.WriteLine("stopping");
if (args is ["saving"])
{
    using ManualResetEvent saved = new(initialState: false);
    saved.WaitOne();
}

return signals.ExitCode;
