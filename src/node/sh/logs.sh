# shellcheck shell=sh
# The end of what services said, for a bundle. Changes nothing. Follows the probe's text.

# Which versions of the programs concerned are installed.
pc_versions() {
    for pc_key in nginx-common postfix chrony openssh-server openssl sudo systemd haproxy; do
        pc_value=$(dpkg-query -W -f '${Version}' "$pc_key" 2>/dev/null) || pc_value=$(rpm -q --qf '%{VERSION}-%{RELEASE}' "$pc_key" 2>/dev/null) || continue
        [ -z "$pc_value" ] || printf 'saw\tversion\t%s %s\n' "$pc_key" "$pc_value"
    done
}

# pc_log NUMBER SERVICE: its last lines from the journal, or from the files where it keeps its own, as base64; nothing where
# there are none. No more than some hundred KiB: whoever reads it wants the last hours.
pc_log() {
    printf 'log\t%s\n' "$1"
    {
        journalctl -q --no-pager -o short-iso -n 1500 -u "$2" 2>/dev/null
        case $2 in
            nginx) tail -n 500 /var/log/nginx/error.log 2>/dev/null ;;
            postfix) tail -n 500 /var/log/mail.log 2>/dev/null ;;
            haproxy) tail -n 500 /var/log/haproxy.log 2>/dev/null ;;
        esac
    } | tail -c 200000 | base64
    printf '.\n'
}
