namespace Diffusion.TestKit;

/// <summary>
/// Loads libtorch before the first test of an assembly, and lets only one test assembly run at a time: several libtorch processes are two
/// to ten times slower on few cores. Operators use one thread, because the tensors of tests are small: a second thread only waits, which
/// takes as much of the processor. With DIFFUSION_FULL_SWEEP=1 they use two.
/// </summary>
public sealed class TorchFixture : IDisposable
{
    private readonly FileStream turn;

    public TorchFixture()
    {
        turn = WaitForTurn(Path.Combine(Path.GetTempPath(), "diffusion-net-tests.lock"));
        TorchBackend.EnsureLoaded();
        ComputeDevice.Cpu(threads: FullSweep.IsWanted ? Math.Min(2, Environment.ProcessorCount) : 1).Activate();
    }

    public void Dispose() => turn.Dispose();

    private static FileStream WaitForTurn(string path)
    {
        using ManualResetEventSlim never = new();
        while (true)
        {
            try
            {
                return new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
            }
            catch (IOException)
            {
                never.Wait(TimeSpan.FromMilliseconds(100));
            }
        }
    }
}
