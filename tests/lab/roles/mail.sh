#!/bin/sh
# The customer's mail server: submission on 587 (STARTTLS) and 465 (TLS), AUTH PLAIN and LOGIN, nothing without authentication.
# Mail to anybody @lab.example ends in /var/mail/inbox. Certificate and password come at `up`.
set -eu
useradd --create-home --shell /bin/bash admin
install -d -m 700 -o admin -g admin /home/admin/.ssh
useradd --no-create-home --shell /usr/sbin/nologin inbox

postconf -e 'myhostname = mail.lab.example' 'mydomain = lab.example' 'mydestination = localhost' 'inet_interfaces = all' \
  'inet_protocols = ipv4' 'mynetworks = 127.0.0.0/8' 'relayhost =' \
  'virtual_alias_domains = lab.example' 'virtual_alias_maps = regexp:/etc/postfix/lab-recipients' \
  'smtpd_tls_cert_file = /etc/ssl/lab/chain.pem' 'smtpd_tls_key_file = /etc/ssl/lab/key.pem' 'smtpd_tls_security_level = may' \
  'smtpd_sasl_type = dovecot' 'smtpd_sasl_path = private/auth' 'smtpd_sasl_security_options = noanonymous' \
  'smtpd_recipient_restrictions = permit_sasl_authenticated, reject' 'smtpd_relay_restrictions = permit_sasl_authenticated, reject' \
  'smtpd_client_restrictions =' 'smtpd_delay_reject = yes' 'maillog_file ='
printf '/@lab\\.example$/ inbox@localhost\n' >/etc/postfix/lab-recipients
postconf -M 'submission/inet=submission inet n - y - - smtpd' 'submissions/inet=submissions inet n - y - - smtpd'
postconf -P 'submission/inet/syslog_name=postfix/submission' 'submission/inet/smtpd_tls_security_level=encrypt' \
  'submission/inet/smtpd_tls_auth_only=yes' 'submission/inet/smtpd_sasl_auth_enable=yes' \
  'submissions/inet/syslog_name=postfix/submissions' 'submissions/inet/smtpd_tls_wrappermode=yes' \
  'submissions/inet/smtpd_sasl_auth_enable=yes'

# As `postfix quick-stop` leaves it: what was made here need not be checked at the first start.
postfix check
touch /var/spool/postfix/quick-start

# Dovecot for SASL alone: no mail protocol, one file of users.
cat >/etc/dovecot/dovecot.conf <<'CONF'
protocols =
ssl = no
disable_plaintext_auth = no
auth_mechanisms = plain login
# A refused login is answered at once: tests make many.
auth_failure_delay = 0
passdb {
  driver = passwd-file
  args = scheme=SHA512-CRYPT username_format=%u /etc/dovecot/users
}
userdb {
  driver = static
  args = uid=nobody gid=nogroup home=/nonexistent
}
service anvil {
  unix_listener anvil-auth-penalty {
    mode = 0
  }
}
service auth {
  unix_listener /var/spool/postfix/private/auth {
    mode = 0660
    user = postfix
    group = postfix
  }
}
CONF
systemctl enable ssh.service postfix.service dovecot.service
