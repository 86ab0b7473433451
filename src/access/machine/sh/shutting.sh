# shellcheck shell=sh disable=SC2154,SC2034 # names of closer.sh
# Closes a window on this machine at the operator's word, and replaces the list of revoked certificates. Follows closer.sh and
# account.sh, and is followed by evidence.sh. Answers: lines of tab-separated fields; `closed` and `krl` say that it is so, `failed` why it is not.

# pcw_krl BASE64 REVOKED KEPT [VERSION]: replaces the list of revoked certificates by rename, and asks it for one key that must
# not pass and one that must; else the old one stays. Of two closings at once the later list holds what the earlier one does.
pcw_krl() {
    [ -d "$pcw_ssh" ] || { pcw_say krl 'done' ''; return 0; }
    pcw_locked pcw_put_krl "$@" || { pcw_fail krl 'the list of revoked certificates could not be replaced'; return 1; }
}

# pcw_is_older VERSION FILE: than the list there (PROTOCOL.krl: eight bytes, after magic and format of 8 and 4).
pcw_is_older() {
    pcw_mine=$1
    # shellcheck disable=SC2046 # bytes
    set -- $(od -An -tx1 -j12 -N8 "$2" 2>/dev/null)
    pcw_version=0
    for pcw_text in "$@"; do pcw_version=$((pcw_version * 256 + 0x$pcw_text)); done
    [ "$pcw_mine" -lt "$pcw_version" ]
}

# Both keys are asked for at once, the one that must pass first: a line each.
pcw_ask_krl() {
    set -- "$pcw_ssh/.kept.pub" ${1:+"$pcw_ssh/.revoked.pub"}
    pcw_asked=$(ssh-keygen -Q -f "$pcw_ssh/.krl.new" "$@" 2>/dev/null)
    case ${pcw_asked%%
*} in "$pcw_ssh/.kept.pub"*': ok') ;; *) pcw_out='it revokes what it must not, or cannot be read'; return 1 ;; esac
    [ "$#" -eq 2 ] || return 0
    case ${pcw_asked##*
} in "$pcw_ssh/.revoked.pub"*': REVOKED') ;; *) pcw_out='it does not revoke what it must'; return 1 ;; esac
}

pcw_put_krl() {
    pcw_out=$({ base64 -d >"$pcw_ssh/.krl.new" && printf '%s\n' "$2" >"$pcw_ssh/.revoked.pub" && printf '%s\n' "$3" >"$pcw_ssh/.kept.pub"; } 2>&1 <<END
$1
END
    ) || { pcw_fail krl "$pcw_out"; return 1; }
    if ! command -v ssh-keygen >/dev/null; then
        pcw_out='ssh-keygen is missing'
    elif ! pcw_ask_krl "$2"; then
        :
    elif [ -n "$2" ] && pcw_is_older "$4" "$pcw_ssh/krl" && ! ssh-keygen -Q -f "$pcw_ssh/krl" "$pcw_ssh/.revoked.pub" >/dev/null 2>&1; then
        pcw_out=
    else
        pcw_synced "$pcw_ssh/.krl.new"
        pcw_out=$(mv -f "$pcw_ssh/.krl.new" "$pcw_ssh/krl" 2>&1) && pcw_out=
    fi
    rm -f "$pcw_ssh/.krl.new" "$pcw_ssh/.revoked.pub" "$pcw_ssh/.kept.pub"
    if [ -z "$pcw_out" ]; then pcw_say krl 'done' ''; else pcw_fail krl "$pcw_out"; fi
}

# pcw_first_krl BASE64 KEPT: one that stands already revokes more, and stays.
pcw_first_krl() {
    mkdir -p "$pcw_ssh" || { pcw_fail krl "$pcw_ssh cannot be made"; return 1; }
    if [ -s "$pcw_ssh/krl" ]; then pcw_say krl 'done' ''; else pcw_krl "$1" '' "$2"; fi
}

# pcw_shut ID START: closes, looks whether the door is shut, and tells what sshd logged. START is for a machine that has forgotten the window.
pcw_shut() { pcw_alone "$1" pcw_shut_now "$1" "$2" || pcw_fail "$1" 'it could not be closed: something else is at work on it'; }

pcw_shut_now() {
    pcw_start=$2
    pcw_close "$1"
    pcw_account_left "$1"
    pcw_is_shut "$1" && pcw_say closed "$1" '' && pcw_evidence "$1" "$2"
}

pcw_is_shut() {
    for pcw_file in "$pcw_ssh"/principals/*; do
        [ -f "$pcw_file" ] || continue
        ! pcw_lets_in "$pcw_file" "$1" || { pcw_fail "$1" "its principal is still in $pcw_file"; return 1; }
    done
    # Every login that was let in is known: its line was in the journal before the closing looked there.
    pcw_out=$(pcw_living)
    [ -z "$pcw_out" ] || { pcw_fail "$1" "still alive: $pcw_out"; return 1; }
    for pcw_file in "$pcw_home/$1" "$pcw_units/portcullis-window-$1.timer" "$pcw_units/portcullis-window-$1.service"; do
        [ ! -e "$pcw_file" ] || { pcw_fail "$1" "$pcw_file is still there"; return 1; }
    done
}
