namespace Diffusion.Training;

/// <summary>The library that carries tensors between processes.</summary>
public enum ProcessGroupEngine
{
    /// <summary>NCCL if tensors are on an NVIDIA GPU, MPI if they are on the CPU.</summary>
    Auto,

    /// <summary>NVIDIA's NCCL, for tensors on GPUs. Named for one process, it makes a group of one, to try NCCL.</summary>
    Nccl,

    /// <summary>Open MPI or MPICH, for tensors on the CPU.</summary>
    Mpi,
}
