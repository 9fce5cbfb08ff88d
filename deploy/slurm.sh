#!/bin/bash
# Trains on a SLURM cluster, and starts again where it stopped.
#
#   sbatch deploy/slurm.sh RECIPE [KEY=VALUE…] --run /shared/runs/NAME
#
# Each task is a worker: dcgan-kit finds the others by the variables of the step. The run folder must be on a file system
# that all nodes see. Adapt the lines below, and add what your cluster asks for: an account, a partition, modules.
#SBATCH --job-name=dcgan-kit
#SBATCH --nodes=1
#SBATCH --ntasks-per-node=1
#SBATCH --cpus-per-task=8
#SBATCH --gpus-per-task=1
#SBATCH --time=08:00:00
# The output of a job that starts again goes on in the same file.
#SBATCH --output=dcgan-kit-%j.log
#SBATCH --open-mode=append
#SBATCH --requeue
# Two minutes before the time limit, every task gets SIGUSR1. Each saves a checkpoint and ends with status 75.
#SBATCH --signal=USR1@120
set -u

# If one worker is lost, the others end by themselves, with a checkpoint; SLURM must not kill them before.
srun --kill-on-bad-exit=0 dcgan-kit train "$@"
status=$?

if [ "$status" -eq 75 ]; then
    # 75 means: run the same command again. srun returns the highest status, and if one worker finds its input wrong (2),
    # the others end with 75. So a job that ends at once, again and again, stays as it is.
    if [ "${SLURM_RESTART_COUNT:-0}" -ge 3 ] && [ "$SECONDS" -lt 180 ]; then
        echo "ended after $SECONDS seconds, and was started again $SLURM_RESTART_COUNT times before: see above" >&2
        exit "$status"
    fi
    echo "status 75: job $SLURM_JOB_ID goes into the queue again, and continues from its checkpoint"
    scontrol requeue "$SLURM_JOB_ID"
fi
exit "$status"
