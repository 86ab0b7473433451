#!/bin/sh
# Given to `sh -c` by the supervisor: enters this process in its control groups (all arguments before `--`), then becomes the machine's systemd-nspawn.
set -eu
while [ "$1" != -- ]; do
  echo $$ >"$1"
  shift
done
shift
# Nothing of the operator's environment reaches a machine.
exec env -i PATH="$PATH" ${NOTIFY_SOCKET:+"NOTIFY_SOCKET=$NOTIFY_SOCKET"} systemd-nspawn "$@"
