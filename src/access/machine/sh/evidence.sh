# shellcheck shell=sh disable=SC2154 # names of closer.sh
# Tells what sshd logged of one window on this machine. Follows closer.sh. Changes nothing.
# Answers: `log` says what kept it; `sshd` lines are the records themselves, as JSON of the journal or as lines of syslog.

pcw_most=${pcw_most:-2000}

# pcw_evidence_journal START: sshd's records, whoever else's they are, of all boots since then.
pcw_evidence_journal() {
    journalctl -q --no-pager -o json --output-fields=MESSAGE,_PID --since "@$1" _UID=0 _COMM=sshd + _UID=0 _COMM=sshd-session 2>/dev/null
}

pcw_has_log_file() { [ -r /var/log/auth.log ] || [ -r /var/log/secure ]; }

pcw_evidence_file() {
    for pcw_file in /var/log/auth.log.1 /var/log/auth.log /var/log/secure.1 /var/log/secure; do
        [ ! -r "$pcw_file" ] || grep -a ' sshd[-a-z]*\[[0-9]*\]: ' "$pcw_file"
    done
}

# pcw_evidence_pids FORM: of the lines given, the processes' marks, each a pattern for all lines of that process.
pcw_evidence_pids() {
    case $1 in
        json) sed -n 's/^.*\("_PID":"[0-9]*"\).*$/\1/p' ;;
        line) sed -n 's/^.* \(sshd[-a-z]*\[[0-9]*\]: \).*$/\1/p' ;;
    esac | sort -u
}

# pcw_evidence_of FORM FILE ID: the window's logins and whatever the same processes logged; certificates that were refused,
# with the line that tells from where.
pcw_evidence_of() {
    pcw_temporary=$2.pids
    {
        grep -aF -e " ID $3 (serial " "$2"
        grep -a -e 'error: Certificate ' -e 'error: Authentication key ' -e 'Refused by certificate' "$2" | tail -n "$pcw_most"
    } | pcw_evidence_pids "$1" >"$pcw_temporary"
    [ ! -s "$pcw_temporary" ] || grep -aF -f "$pcw_temporary" "$2" |
        grep -a -e 'Accepted ' -e 'session closed for user ' -e 'error: Certificate ' -e 'error: Authentication key ' \
            -e 'Refused by certificate' -e ' authenticating user ' -e 'Failed publickey '
}

# pcw_evidence ID START: START in seconds; a minute of tolerance stands before it. Where the closing has just read in the journal
# that nobody came it is not read again.
pcw_evidence() {
    [ "${pcw_logged:-yes}" = yes ] || { pcw_say log journal ''; return 0; }
    pcw_scratch=$(mktemp -d) || { pcw_say log none 'no temporary folder can be made'; return 0; }
    if pcw_has_systemd && command -v journalctl >/dev/null; then
        pcw_say log journal ''
        pcw_form=json
        pcw_evidence_journal "$(($2 - 60))" >"$pcw_scratch/log"
    elif pcw_has_log_file; then
        pcw_say log file "$(date +%z)"
        pcw_say clock "$(pcw_now)"
        pcw_form=line
        pcw_evidence_file >"$pcw_scratch/log"
    else
        pcw_say log none 'there is no journal, and no /var/log/auth.log'
        rm -rf "$pcw_scratch"
        return 0
    fi
    pcw_evidence_of "$pcw_form" "$pcw_scratch/log" "$1" >"$pcw_scratch/ours"
    pcw_all=$(wc -l <"$pcw_scratch/ours")
    [ "$pcw_all" -le "$pcw_most" ] || pcw_say omitted "$((pcw_all - pcw_most))"
    # The blank in the pattern is a tab; sed of busybox and of GNU know it by different names.
    tail -n "$pcw_most" "$pcw_scratch/ours" | tr '\t' ' ' | sed "s/^/sshd	$pcw_form	/"
    rm -rf "$pcw_scratch"
}
