# shellcheck shell=sh
# A longer look at a machine, for checks: its drives, mounts, network, time service, names and SSH service. Changes nothing.
# Follows the probe's text; each line is `saw`, a key, and what was seen, without tabs.

pc_saw() {
    printf 'saw\t%s\t%s\n' "$1" "$(printf '%s' "$2" | tr '\t\n' '  ')"
}

pc_survey() {
    # What is not there cannot tell anything, which is not the same as nothing being there to tell of.
    for pc_value in getent ip ping systemctl; do
        command -v "$pc_value" >/dev/null 2>&1 || pc_saw lacks "$pc_value"
    done
    pc_drives
    pc_interfaces
    # shellcheck disable=SC2034 # fields to skip
    while read -r pc_key pc_path pc_kind pc_value pc_rest; do
        case $pc_path in / | /var | /var/lib | /opt | /tmp | /home | /boot) pc_saw mount "$pc_path $pc_kind $pc_value" ;; esac
    done </proc/mounts
    pc_total=0
    while read -r pc_key pc_value pc_rest; do
        case $pc_key in
            SwapTotal:) pc_total=$pc_value ;;
            SwapFree:) pc_saw swap "$pc_total $pc_value" ;;
        esac
    done </proc/meminfo
    # Some shells read byte by byte, which this file does not allow.
    pc_value=$(cat /proc/sys/kernel/random/entropy_avail 2>/dev/null) && pc_saw entropy "$pc_value"
    pc_value=
    for pc_path in /boot/vmlinuz-*; do
        [ -e "$pc_path" ] && pc_value="$pc_value ${pc_path#/boot/vmlinuz-}"
    done
    pc_saw kernels "$(uname -r)$pc_value"
    pc_saw virtual "$(systemd-detect-virt 2>/dev/null)"
    if command -v vmware-toolbox-cmd >/dev/null 2>&1; then pc_saw vmware-time "$(vmware-toolbox-cmd timesync status 2>&1)"; fi
    pc_time
    pc_connector
    # shellcheck disable=SC2034 # a field to skip
    while read -r pc_key pc_value pc_rest; do
        case $pc_key in nameserver) pc_saw resolver "$pc_value" ;; esac
    done 2>/dev/null </etc/resolv.conf
    while read -r pc_key pc_value; do
        case $pc_key in '' | '#'*) ;; *) pc_saw hosts "$pc_key ${pc_value%%#*}" ;; esac
    done 2>/dev/null </etc/hosts
    for pc_path in /usr/sbin/sshd /usr/local/sbin/sshd; do
        [ -x "$pc_path" ] || continue
        "$pc_path" -T 2>/dev/null | while read -r pc_key pc_value; do
            case $pc_key in permitrootlogin | passwordauthentication | kbdinteractiveauthentication | maxstartups) pc_saw sshd "$pc_key $pc_value" ;; esac
        done
        break
    done
}

# Whole drives with their bytes; not what is made of memory, of files or of other drives.
pc_drives() {
    for pc_dir in /sys/block/*/; do
        pc_dir=${pc_dir%/}
        case ${pc_dir##*/} in loop* | ram* | zram* | sr* | fd* | dm-* | md* | nbd* | '*') continue ;; esac
        { read -r pc_value <"$pc_dir/size"; } 2>/dev/null || continue
        [ "$pc_value" -gt 0 ] && pc_saw drive "${pc_dir##*/} $((pc_value * 512))"
    done
}

# What stands for a cable: no loopback, bridges, tunnels or containers' ends.
pc_interfaces() {
    for pc_dir in /sys/class/net/*/; do
        pc_dir=${pc_dir%/}
        case ${pc_dir##*/} in lo | docker* | veth* | br-* | virbr* | tun* | tap* | wg* | dummy* | sit* | ifb* | '*') continue ;; esac
        [ -d "$pc_dir/bridge" ] || [ -e "$pc_dir/master" ] || pc_saw interface "${pc_dir##*/}"
    done
    # shellcheck disable=SC2034 # fields to skip
    ip -o addr show scope global 2>/dev/null | while read -r pc_key pc_path pc_kind pc_value pc_rest; do
        case " $pc_rest " in *' dynamic '*) pc_kind=dynamic ;; *) pc_kind=static ;; esac
        pc_saw address "$pc_path $pc_value $pc_kind"
    done
}

# The time service that runs, its configured sources, and whether it follows one.
pc_time() {
    pc_kind=
    if command -v systemctl >/dev/null 2>&1; then
        for pc_value in chrony chronyd ntp ntpd ntpsec openntpd systemd-timesyncd; do
            systemctl -q is-active "$pc_value" 2>/dev/null && pc_kind=$pc_value && break
        done
    else
        for pc_path in /proc/[0-9]*/comm; do
            { read -r pc_value <"$pc_path"; } 2>/dev/null || continue
            case $pc_value in chronyd | ntpd | openntpd) pc_kind=$pc_value ;; systemd-timesyn*) pc_kind=systemd-timesyncd ;; esac
        done
    fi
    [ -z "$pc_kind" ] || pc_saw time-service "$pc_kind"
    # What another service would read is of no account while this one runs.
    case $pc_kind in
        chrony*) pc_rest='/etc/chrony/chrony.conf /etc/chrony.conf /etc/chrony/conf.d/*.conf /etc/chrony/sources.d/*.sources' ;;
        ntp*) pc_rest='/etc/ntp.conf /etc/ntpsec/ntp.conf' ;;
        '') pc_rest='/etc/chrony/chrony.conf /etc/chrony.conf /etc/chrony/conf.d/*.conf /etc/chrony/sources.d/*.sources /etc/ntp.conf /etc/ntpsec/ntp.conf' ;;
        *) pc_rest= ;;
    esac
    # shellcheck disable=SC2086 # split, and its patterns filled in, on purpose
    [ -z "$pc_rest" ] || cat $pc_rest 2>/dev/null |
        while read -r pc_key pc_value; do
            case $pc_key in server | pool | peer) pc_saw time-source "$pc_value" ;; esac
        done
    if command -v chronyc >/dev/null 2>&1; then
        pc_value=$(chronyc -n -c tracking 2>/dev/null) && pc_saw chrony "$pc_value"
    elif command -v ntpq >/dev/null 2>&1; then
        pc_value=$(ntpq -pn 2>/dev/null | grep '^[*o]') && pc_saw ntpq "$pc_value"
    fi
    pc_value=$(timedatectl show -p NTPSynchronized --value 2>/dev/null) && pc_saw synchronized "$pc_value"
}

# An AD/LDAP connector's settings, as far as they may be told: whether something is set, never what.
pc_connector() {
    for pc_dir in /opt/auth0-adldap /opt/auth0/ad-ldap /opt/auth0-ad-ldap; do
        [ -r "$pc_dir/config.json" ] || continue
        pc_value=absent
        grep -q '"LDAP_BIND_PASSWORD"[[:space:]]*:[[:space:]]*"[^"]' "$pc_dir/config.json" && pc_value=clear
        pc_saw connector "password $pc_value"
        pc_value=own
        grep -q '"SESSION_SECRET"' "$pc_dir/config.json" || pc_value=shipped
        grep -q '"SESSION_SECRET"[[:space:]]*:[[:space:]]*"a1b2c3d4567"' "$pc_dir/config.json" && pc_value=shipped
        pc_saw connector "session $pc_value"
        pc_value=absent
        grep -q '"KERBEROS_DEBUG_USER"[[:space:]]*:[[:space:]]*"[^"]' "$pc_dir/config.json" && pc_value='set'
        pc_saw connector "debug $pc_value"
        # Whose it is: the ticket's host, never the ticket itself, which is a secret.
        pc_value=$(tr ',' '\n' <"$pc_dir/config.json" | sed -n 's|.*"PROVISIONING_TICKET"[[:space:]]*:[[:space:]]*"https*://\([A-Za-z0-9.-]*\).*|\1|p' | head -n 1)
        [ -z "$pc_value" ] || pc_saw connector "tenant $pc_value"
        if pc_value=$(openssl x509 -noout -enddate -in "$pc_dir/certs/cert.pem" 2>/dev/null) && pc_value=$(date -u -d "${pc_value#notAfter=}" +%s 2>/dev/null); then
            pc_saw connector-certificate "$pc_value"
        fi
        for pc_key in auth0-adldap auth0-ad-ldap ad-ldap-connector; do
            pc_value=$(systemctl show -p Restart --value -p LoadState "$pc_key" 2>/dev/null | tr '\n' ' ')
            case $pc_value in *not-found* | '') ;; *) pc_saw connector "restart ${pc_value%% *}" && break ;; esac
        done
        break
    done
}

# pc_names NAME…: what each means on this machine; all at once, for a resolver that is filtered is waited for.
pc_names() {
    command -v getent >/dev/null 2>&1 || return 0
    pc_within=
    ! command -v timeout >/dev/null 2>&1 || pc_within='timeout 4'
    for pc_value in "$@"; do
        {
            # Where a machine has no IPv6, names that have nothing else are passed over unless they are asked for so (-A, glibc 2.36).
            # shellcheck disable=SC2086,SC2016 # a command and its argument; the inner shell's word
            pc_rest=$($pc_within sh -c 'getent ahosts "$1" || getent -A ahosts "$1"' sh "$pc_value" 2>/dev/null | while read -r pc_key pc_kind; do
                case $pc_kind in STREAM*) printf ' %s' "$pc_key" ;; esac
            done)
            pc_saw name "$pc_value$pc_rest"
        } &
    done
    wait
}

# pc_pings ADDRESS…: the round trip in milliseconds, `none` without an answer, `unknown` without a ping.
pc_pings() {
    for pc_value in "$@"; do
        {
            if command -v ping >/dev/null 2>&1; then
                pc_rest=$(ping -n -c 1 -W 2 "$pc_value" 2>/dev/null | sed -n 's/.*time=\([0-9.]*\).*/\1/p')
                pc_saw ping "$pc_value ${pc_rest:-none}"
            else
                pc_saw ping "$pc_value unknown"
            fi
        } &
    done
    wait
}
