#!/bin/sh
# Makes the layer of one role over the base system: layer.sh BASE LAYER SCRIPTS ROLE. Only what the role adds is kept.
set -eu
base=$1 layer=$2 scripts=$3 role=$4
scratch=$layer.scratch
mkdir -p "$layer" "$scratch"
# Everything stands on one tmpfs, in a mount namespace of this process' own: nothing is left mounted whatever happens.
mount -t tmpfs lab-layer "$scratch"
mkdir "$scratch/upper" "$scratch/work" "$scratch/root"
mount -t overlay lab-layer -o "lowerdir=$base,upperdir=$scratch/upper,workdir=$scratch/work" "$scratch/root"
mkdir "$scratch/root/run/lab"
cp "$scripts"/*.sh "$scratch/root/run/lab/"
chroot "$scratch/root" /bin/sh "/run/lab/$role.sh"
rm -r "$scratch/root/run/lab"
umount "$scratch/root"
# -a keeps owners, modes, times, device nodes (whiteouts) and extended attributes (opaque folders).
cp -a "$scratch/upper/." "$layer/"
umount "$scratch"
rmdir "$scratch"
