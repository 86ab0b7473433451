# shellcheck shell=sh disable=SC2154 # set and read by transaction.sh
# What a run does once its files are in place: services, commands, waiting until they are well. Follows transaction.sh.

pc_certs=${pc_certs:-/etc/ssl/certs}
pc_hooks=${pc_hooks:-/etc/ca-certificates/update.d}

# pc_subject HASH FILE: the hash of the subject in that certificate, the name under which OpenSSL looks for it in a folder.
# The client knows it: finding it out here would cost as much as a dozen files.
pc_subjects=
pc_subject() { pc_subjects="$pc_subjects$1 $2$pc_nl"; }

# pc_actions DIR once|again|look: in the order given; `again` after files were put back, where failures do not stop it;
# `look` does nothing, and asks alone whether what had to be well still is.
pc_actions() {
    pc_acting_for=$1
    pc_number=0
    while IFS='	' read -r pc_step pc_kind pc_value; do
        pc_number=$((pc_number + 1))
        case $pc_kind in enable | reload | restart | active) pc_service=$pc_value ;; esac
        # Not by a redirection of the call: a shell would keep the lock in a copy, to have it back afterwards.
        # What it makes is for others to read, unlike what a run stages.
        pc_out=$(exec 9>&- && umask 022 && pc_act "$2" "$pc_kind" "$pc_value" 2>&1 </dev/null) || {
            # Killed from outside, an action has no word of its own.
            pc_status=$?
            pc_fail "$pc_step" "${pc_out:-$pc_kind $pc_value ended with status $pc_status}"
            [ "$2" = again ] || return
        }
        case $2\ $pc_kind in once\ undo) ;; once*) pc_say step "$pc_step" 'done' "$pc_kind $pc_value" ;; esac
    done <"$1/actions"
}

pc_act() {
    case "$1 $2" in look\ active | look\ listens | look\ wait) ;; look*) return ;; esac
    case $2 in
        command) [ "$1" = again ] || sh -c "$3" || { printf 'command %s ended with status %s\n' "$3" "$?"; return 1; } ;;
        refresh) sh -c "$3" || { printf 'command %s ended with status %s\n' "$3" "$?"; return 1; } ;;
        undo) pc_undo_by "$1" "$3" ;;
        folder) pc_folder_as "$1" "${3%% *}" "${3#* }" ;;
        enable) pc_enable "$1" "$3" ;;
        disable) if [ "$1" = again ]; then systemctl enable --now "$3"; else systemctl disable --now "$3"; fi ;;
        trust) pc_trust "$1" "$3" ;;
        reload) systemctl reload-or-restart "$3" || { pc_service_log "$3"; return 1; } ;;
        restart) systemctl restart "$3" || { pc_service_log "$3"; return 1; } ;;
        active) [ "$1" = again ] || pc_until 50 systemctl -q is-active "$3" || { pc_service_log "$3"; return 1; } ;;
        listens) [ "$1" = again ] || pc_until 50 pc_listens "$3" || { printf 'nothing listens on TCP port %s\n' "$3"; pc_log_of "${pc_service:-}"; return 1; } ;;
        wait) [ "$1" = again ] || pc_until "${3%% *}" sh -c "${3#* }" || { printf 'command %s did not succeed in time\n' "${3#* }"; return 1; } ;;
    esac
}

# pc_undo_by once|again COMMAND: what takes the next action back; called only where that was begun.
pc_undo_by() {
    pc_note=$pc_acting_for/begun-$pc_number
    if [ "$1" = once ]; then
        : >"$pc_note" && pc_sync "$pc_note" "$pc_acting_for"
    elif [ -e "$pc_note" ]; then
        sh -c "$2" || { printf 'command %s ended with status %s\n' "$2" "$?"; return 1; }
    fi
}

# pc_folder_as once|again MODE,OWNER:GROUP PATH: a folder with that mode and owner, where they are given; afterwards, as it
# was before this run, or gone where it is empty.
pc_folder_as() {
    pc_note=$pc_acting_for/folder-$pc_number
    if [ "$1" = again ]; then
        [ -s "$pc_note" ] && ! pc_leads_elsewhere "$3/" || return 0
        pc_read "$pc_note"
        case $pc_text in made\ *) pc_rmdirs "$3" "${pc_text#made }" ;; *) pc_give_if "${pc_text#was }" "$3" ;; esac
        return
    fi
    ! pc_leads_elsewhere "$3/" || { printf '%s is a symbolic link; it is not followed\n' "$pc_folder"; return 1; }
    if [ -d "$3" ]; then
        stat -c 'was %a,%u:%g' "$3" >"$pc_note"
    else
        pc_folder=$3
        while [ ! -d "${pc_folder%/*}" ] && [ -n "${pc_folder%/*}" ]; do pc_folder=${pc_folder%/*}; done
        printf 'made %s\n' "$pc_folder" >"$pc_note"
    fi && pc_sync "$pc_note" "$pc_acting_for" && mkdir -p "$3" && pc_give_if "$2" "$3"
}

# pc_give_if MODE,OWNER:GROUP PATH: each of the two where it is given. The owner first: giving it takes bits of a mode away.
pc_give_if() {
    [ -z "${1#*,}" ] || chown "${1#*,}" "$2" || return
    [ -z "${1%%,*}" ] || chmod "${1%%,*}" "$2"
}

# pc_enable once|again UNIT: enables and starts; afterwards, makes it again what it was before this run.
pc_enable() {
    pc_note=$pc_acting_for/unit-$2
    if [ "$1" = once ]; then
        printf '%s %s\n' "$(systemctl is-active "$2")" "$(systemctl is-enabled "$2" 2>/dev/null)" >"$pc_note" || return
        systemctl enable --now "$2" || { pc_service_log "$2"; return 1; }
    elif [ -e "$pc_note" ]; then
        read -r pc_active pc_enabled <"$pc_note"
        [ "$pc_enabled" != disabled ] || systemctl --quiet disable "$2"
        case $pc_active in active | activating | reloading) ;; *) systemctl stop "$2" ;; esac
    fi
}

pc_service_log() {
    printf 'service %s did not come up\n' "$1"
    systemctl --no-pager --lines=0 status "$1"
    pc_log_of "$1"
}

# The end of what a service said; its instances are units of their own, and may be all that there is to it (Debian's postfix).
pc_log_of() {
    [ -z "$1" ] || journalctl --no-pager --quiet --lines=8 --output=cat --unit="$1" --unit="${1%.service}@*" 2>/dev/null
}

# pc_until TENTHS COMMAND…: tries until it succeeds, for so many tenths of a second.
pc_until() {
    pc_left=$1
    shift
    until "$@" >/dev/null 2>&1; do
        pc_left=$((pc_left - 1))
        [ "$pc_left" -gt 0 ] || return 1
        sleep 0.1 2>/dev/null || sleep 1
    done
}

# A listening socket, from the kernel's table (state 0A): no tool has to be there for it.
pc_listens() {
    pc_port=$(printf ':%04X' "$1")
    for pc_table in /proc/net/tcp /proc/net/tcp6; do
        [ -r "$pc_table" ] || continue
        # shellcheck disable=SC2034 # fields to skip
        while read -r pc_skip pc_local pc_skip pc_status pc_skip; do
            case "$pc_local $pc_status" in *"$pc_port 0A") return 0 ;; esac
        done <"$pc_table"
    done
    return 1
}

# pc_trust once|again FILE: a CA certificate that is new among the trusted ones, as `update-ca-certificates` puts it
# there; that one handles each of its hundred others as well, which takes most of a run's time. It is called all the
# same where it has hooks to tell, where anything is unlike a fresh certificate, and after an undo.
pc_trust() {
    pc_name=${2##*/}
    pc_name=${pc_name%.crt}
    pc_bundle=$pc_certs/ca-certificates.crt
    pc_link=$pc_certs/$pc_name.pem
    if [ "$1" = again ]; then
        # Dangling now, and left alone by it.
        rm -f "$pc_link"
        for pc_link in "$pc_certs"/*.[0-9]; do
            [ -e "$pc_link" ] || [ "$(readlink "$pc_link")" != "$pc_name.pem" ] || rm -f "$pc_link"
        done
    elif [ -s "$pc_bundle" ] && [ ! -e "$pc_link" ] && [ ! -h "$pc_link" ] && pc_has_no_hooks; then
        case $pc_name in *[!A-Za-z0-9_.-]*) ;; *) pc_trust_one "$2" && return ;; esac
    fi
    update-ca-certificates
}

pc_has_no_hooks() {
    for pc_hook in "$pc_hooks"/*; do [ ! -x "$pc_hook" ] || return 1; done
}

# The bundle first, then the name by which OpenSSL finds it in the folder; the link that marks it as done comes last.
pc_trust_one() {
    case $pc_nl$pc_subjects in *" $1$pc_nl"*) ;; *) return 1 ;; esac
    pc_hash=${pc_subjects%%" $1$pc_nl"*}
    pc_hash=$pc_certs/${pc_hash##*"$pc_nl"}
    pc_same=0
    while [ -e "$pc_hash.$pc_same" ] || [ -h "$pc_hash.$pc_same" ]; do pc_same=$((pc_same + 1)); done
    if ! (umask 022 && cat "$pc_bundle" "$1" >"$pc_bundle.new") || ! mv -f "$pc_bundle.new" "$pc_bundle"; then
        rm -f "$pc_bundle.new"
        return 1
    fi
    ln -s "$pc_name.pem" "$pc_hash.$pc_same" && ln -s "$1" "$pc_link"
}
