# shellcheck shell=sh disable=SC2154 # names of closer.sh
# Prepares the recording of a window's sessions on this machine, and gives recordings away. Follows closer.sh.

pcw_store=${pcw_store:-/var/lib/portcullis/recordings}

# pcw_lacks_for_recording USER: what is missing, in words.
pcw_lacks_for_recording() {
    command -v script >/dev/null || { echo 'script(1) of util-linux is not installed'; return; }
    script --help 2>/dev/null | grep -q -e --logging-format || { echo 'its script(1) is none of util-linux 2.35 or later'; return; }
    for pcw_program in setpriv setsid mkfifo tee base64 sha256sum stty df du; do
        command -v "$pcw_program" >/dev/null || { printf '%s is not installed\n' "$pcw_program"; return; }
    done
    [ "$1" = root ] || command -v sudo >/dev/null || echo "$1 is not root, and sudo is not installed"
}

# pcw_recorder ID USER LIMIT TOTAL: puts the recorder beside the window's record, and lets USER run it, and nothing else, as
# root. Bytes: of one session, of all of the window.
pcw_recorder() {
    pcw_out=$(pcw_lacks_for_recording "$2")
    [ -z "$pcw_out" ] || { pcw_fail "$1" "sessions cannot be recorded: $pcw_out"; return 1; }
    pcw_out=$({ mkdir -p "$pcw_home/$1" "$pcw_store" && chmod 0700 "$pcw_home" "$pcw_store" &&
        { printf '#!/bin/sh\n' && pcw_recorder_text; } >"$pcw_home/$1/recorder.new" && chmod 0755 "$pcw_home/$1/recorder.new" &&
        printf 'user=%s\nlimit=%s\ntotal=%s\n' "$2" "$3" "$4" >"$pcw_home/$1/recording.new" &&
        mv -f "$pcw_home/$1/recording.new" "$pcw_home/$1/recording" && mv -f "$pcw_home/$1/recorder.new" "$pcw_home/$1/recorder" &&
        { [ "$2" = root ] || pcw_may_record "$1" "$2"; }; } 2>&1) && return 0
    pcw_dismiss_recorder "$1"
    pcw_fail "$1" "sessions cannot be recorded: $pcw_out"
    return 1
}

pcw_may_record() {
    pcw_rule=$pcw_sudoers/portcullis-$1
    pcw_text=$pcw_home/$1/recorder
    printf 'Defaults!%s !requiretty, !use_pty, !pam_session, !lecture, env_reset\n%s ALL=(root) NOPASSWD: %s ""\n' "$pcw_text" "$2" "$pcw_text" \
        >"$pcw_home/$1/rule" && chmod 0440 "$pcw_home/$1/rule" && visudo -cqf "$pcw_home/$1/rule" && mv -f "$pcw_home/$1/rule" "$pcw_rule" || return 1
    sudo -n -l -U "$2" "$pcw_text" >/dev/null || { echo "sudo does not let $2 run the recorder"; return 1; }
}

pcw_dismiss_recorder() {
    rm -f "$pcw_sudoers/portcullis-$1" "$pcw_home/$1/recorder" "$pcw_home/$1/recording" "$pcw_home/$1/rule"
    rmdir "$pcw_home/$1" "$pcw_home" "$pcw_store" 2>/dev/null || :
}

# pcw_recordings ID: their names and sizes, each a line.
pcw_recordings() {
    for pcw_file in "$pcw_store/$1"/*.about; do
        [ -f "$pcw_file" ] || continue
        pcw_file=${pcw_file%.about}
        pcw_say recording "${pcw_file##*/}" "$(cat "$pcw_file".* | wc -c)"
    done
}

# pcw_recording ID NAME…: their parts, each with its sum.
pcw_recording() {
    pcw_window=$1
    shift
    for pcw_name in "$@"; do pcw_parts "$pcw_window" "$pcw_name"; done
    pcw_say whole ''
}

pcw_parts() {
    pcw_say name "$2"
    for pcw_part in about timing shown; do
        pcw_file=$pcw_store/$1/$2.$pcw_part
        [ -f "$pcw_file" ] || : >"$pcw_file"
        pcw_sum=$(sha256sum <"$pcw_file")
        pcw_say part "$pcw_part" "${pcw_sum%% *}"
        base64 <"$pcw_file" | sed 's/^/data		/'
    done
}

# pcw_recordings_kept ID NAME…: they are safe elsewhere, and go.
pcw_recordings_kept() {
    pcw_window=$1
    shift
    for pcw_name in "$@"; do
        rm -rf "$pcw_store/$pcw_window/$pcw_name".*
        [ ! -e "$pcw_store/$pcw_window/$pcw_name.about" ] || { pcw_fail "$pcw_window" "$pcw_store/$pcw_window/$pcw_name.about cannot be removed"; return 1; }
    done
    rmdir "$pcw_store/$pcw_window" "$pcw_store" 2>/dev/null || :
    pcw_say gone ''
}
