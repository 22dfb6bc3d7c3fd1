/* The time of MPI_Allreduce by size, as `benchmarks all-reduce` measures it: sums of float32 in place, medians of five times twenty.
   mpicc -O2 allreduce.c -o allreduce && mpirun -np 2 ./allreduce [BYTES ...] > allreduce.txt */
#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WARM_UP = 5, REPETITIONS = 20, SAMPLES = 5 };

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double seconds(float *numbers, int count, int repetitions)
{
    MPI_Barrier(MPI_COMM_WORLD);
    double began = MPI_Wtime();
    for (int i = 0; i < repetitions; i++)
    {
        MPI_Allreduce(MPI_IN_PLACE, numbers, count, MPI_FLOAT, MPI_SUM, MPI_COMM_WORLD);
    }
    MPI_Barrier(MPI_COMM_WORLD);
    return (MPI_Wtime() - began) / repetitions;
}

int main(int argc, char **argv)
{
    MPI_Init(&argc, &argv);
    int rank;
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    for (int k = 1; k < argc; k++)
    {
        long bytes = atol(argv[k]);
        int count = (int)(bytes / (long)sizeof(float));
        float *numbers = malloc((size_t)count * sizeof(float));
        memset(numbers, 0, (size_t)count * sizeof(float));
        double times[SAMPLES];
        seconds(numbers, count, WARM_UP);
        for (int i = 0; i < SAMPLES; i++)
        {
            times[i] = seconds(numbers, count, REPETITIONS);
        }
        qsort(times, SAMPLES, sizeof(double), ascending);
        if (rank == 0)
        {
            printf("%ld %.9f\n", bytes, times[SAMPLES / 2]);
        }
        free(numbers);
    }
    MPI_Finalize();
    return 0;
}
