#!/bin/bash
#SBATCH --job-name=xiaolu
#SBATCH --nodes=4
#SBATCH --ntasks-per-node=1
#SBATCH --signal=B:TERM@120
# One worker on each node, the coordinator beside the first of them. The folder of the run and the key must be readable on every node.
#   sbatch examples/launch/slurm.sh RUN_NAME [PRESET|key=value …]
set -euo pipefail
name=$1
shift
head=$(scontrol show hostnames "$SLURM_JOB_NODELIST" | sed q)
export XIAOLU_RUN=$PWD/runs/$name XIAOLU_RUN_ID=job-$SLURM_JOB_ID XIAOLU_RENDEZVOUS=$head:7000 XIAOLU_KEY_FILE=$PWD/runs/$name.key XIAOLU_WORLD_SIZE=1
mkdir -p runs
[ -f "$XIAOLU_KEY_FILE" ] || (umask 077 && openssl rand -hex 32 > "$XIAOLU_KEY_FILE")
launch="launch.workers=$SLURM_NNODES launch.rendezvous=$XIAOLU_RENDEZVOUS launch.id=$XIAOLU_RUN_ID launch.key_file=$XIAOLU_KEY_FILE"
if [ -f "$XIAOLU_RUN/config.yaml" ]; then
    ./xiaolu resume "$XIAOLU_RUN" $launch &
else
    ./xiaolu train "$@" run.dir="$PWD/runs" run.name="$name" $launch &
fi
coordinator=$!
trap 'kill -TERM $coordinator' TERM                              # Slurm's notice: finish the step, save, end
# A worker that is lost comes back as another one until the run is over.
srun --kill-on-bad-exit=0 bash -c 'export XIAOLU_HOST=$(hostname -i | cut -d" " -f1) XIAOLU_RANK=$SLURM_PROCID; until ./xiaolu worker || grep -qE "\"state\":\"(over|stopped|failed)\"" $XIAOLU_RUN/launch/status.json; do sleep 2; done' &
workers=$!
wait $coordinator || wait $coordinator || code=$?
[ "${code:-0}" = 137 ] && [[ " $* " == *" launch.coordinators="* ]] && wait $workers || true   # it was killed: its other replicas go on
kill $workers 2> /dev/null || true
