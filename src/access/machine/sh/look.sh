# shellcheck shell=sh disable=SC2154 # names of closer.sh
# Tells how a machine's door stands; changes nothing. Follows closer.sh.
# Answers: lines of tab-separated fields, of which `end` is the last.

# pcw_look USER: the clock, the door and who has a key to it; changes nothing.
pcw_look() {
    pcw_text=$(date '+%s %s.%N')
    pcw_say clock "${pcw_text% *}" "${pcw_text#* }"
    set -- "$1" "$pcw_ssh/user_ca.pub" "$pcw_ssh/krl" /etc/ssh/sshd_config.d/10-portcullis-windows.conf
    sha256sum "$2" "$3" "$4" 2>/dev/null | while read -r pcw_sum pcw_file; do pcw_say file "$pcw_file" "$pcw_sum"; done
    for pcw_file in "$2" "$3" "$4"; do [ -f "$pcw_file" ] || pcw_say file "$pcw_file" absent; done
    pcw_out=$(sshd -T -C "user=$1,host=localhost,addr=127.0.0.1,laddr=127.0.0.1,lport=22" 2>&1) || pcw_say sshd broken "$(printf '%s' "$pcw_out" | tr '\t\n' '  ')"
    pcw_in_lines
    for pcw_text in $pcw_out; do
        pcw_value=${pcw_text#* }
        case $pcw_text in
            'allowgroups '*) pcw_say allowed-group "$pcw_value" ;;
            'trustedusercakeys '* | 'authorizedprincipalsfile '* | 'authorizedprincipalscommand '* | 'revokedkeys '* | 'loglevel '* | 'pubkeyauthentication '*)
                pcw_say sshd "${pcw_text%% *}" "$pcw_value"
                ;;
        esac
    done
    pcw_in_words
    for pcw_text in $(id -Gn "$1" 2>/dev/null); do pcw_say group "$pcw_text"; done
    for pcw_file in /etc/ssh/ssh_host_*_key.pub; do
        [ -r "$pcw_file" ] && read -r pcw_key pcw_value pcw_rest <"$pcw_file" && pcw_say hostkey "$pcw_key" "$pcw_value"
    done
    for pcw_file in "$pcw_ssh"/principals/*; do
        [ -f "$pcw_file" ] || continue
        while IFS='	' read -r pcw_text pcw_rest; do pcw_say principal "${pcw_file##*/}" "$pcw_text${pcw_rest:+ $pcw_rest}"; done <"$pcw_file"
    done
    for pcw_file in "$pcw_home"/*/; do
        [ -d "$pcw_file" ] || continue
        pcw_file=${pcw_file%/}
        pcw_end=
        pcw_read "${pcw_file##*/}" 2>/dev/null
        pcw_say window "${pcw_file##*/}" "$pcw_end"
    done
    set --
    for pcw_file in "$pcw_units"/portcullis-window-*.timer; do
        [ ! -e "$pcw_file" ] || set -- "$@" "${pcw_file##*/}"
    done
    pcw_out=
    [ "$#" -eq 0 ] || ! pcw_has_systemd || pcw_out=$(systemctl is-active "$@" 2>/dev/null)
    for pcw_file in "$@"; do
        pcw_say timer "$pcw_file" "${pcw_out%%
*}"
        pcw_out=${pcw_out#*
}
    done
    pcw_say end
}
