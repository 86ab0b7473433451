#!/bin/sh
# A node that is logged in to as `deploy`.
set -eu
LOGIN_USER=deploy
export LOGIN_USER
# shellcheck source=tests/lab/roles/node.sh
. "$(dirname "$0")/node.sh"
