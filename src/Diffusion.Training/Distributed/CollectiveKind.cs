namespace Diffusion.Training;

/// <summary>The operations of a process group.</summary>
internal enum CollectiveKind : byte
{
    AllReduce,
    Broadcast,
    AllGather,
    ReduceScatter,
    Barrier,
}
