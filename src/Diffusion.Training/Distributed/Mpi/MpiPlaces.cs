using static TorchSharp.torch;

namespace Diffusion.Training;

/// <summary>Checks that the environment variables of every process give it the rank that MPI gives it.</summary>
internal static class MpiPlaces
{
    /// <summary>Compares the places of all processes.</summary>
    /// <param name="mpi">The library, after its start.</param>
    /// <param name="place">The place of this process by its variables.</param>
    /// <exception cref="DistributedException">A place differs; every process names the first that does.</exception>
    public static unsafe void Check(MpiLibrary mpi, ProcessPlace place)
    {
        int worldSize = mpi.Place().WorldSize;
        long[] own = [place.Rank, place.WorldSize];
        long[] all = new long[own.Length * worldSize];
        fixed (long* from = own, to = all)
        {
            mpi.AllGather((nint)from, (nint)to, own.Length, ScalarType.Int64);
        }

        for (int rank = 0; rank < worldSize; rank++)
        {
            (long Rank, long WorldSize) variables = (all[2 * rank], all[(2 * rank) + 1]);
            if (variables != (rank, worldSize))
            {
                throw new DistributedException(
                    $"{place.Launcher} says rank {variables.Rank} of {variables.WorldSize} by its variables, but the library "
                        + $"{mpi.Version()} says rank {rank} of {worldSize}. Start the program with the mpirun of that library.");
            }
        }
    }
}
