# postfix: SMTP with STARTTLS in many moods, submission, submissions.
packages="postfix"
programs="/usr/sbin/postfix /usr/lib/postfix/sbin/master"

ports() {
  row 11025 smtp starttls smtp "opportunistic, defaults, RSA and ECDSA"
  row 11026 smtp starttls smtp "all ciphers, TLS 1.0 and later, SECLEVEL 0"
  row 11027 smtp starttls smtp "postscreen: greeting of two lines with a pause"
  row 11028 smtp clear - "TLS off"
  row 11029 smtp clear - "STARTTLS hidden in EHLO, refused when asked for"
  row 11030 smtp starttls smtp "TLS and a client certificate required"
  row 11465 submissions implicit - "defaults"
  row 11587 submission starttls smtp "TLS required"
}

start() {
  mkdir -p "$DIR/etc" "$DIR/spool" "$DIR/data"
  chown postfix "$DIR/data"
  main_cf >"$DIR/etc/main.cf"
  master_cf >"$DIR/etc/master.cf"
  background postfix -c "$DIR/etc" start-fg
}

main_cf() {
  cat <<E
compatibility_level = 3.6
queue_directory = $DIR/spool
data_directory = $DIR/data
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
shlib_directory = /usr/lib/postfix
meta_directory = /etc/postfix
mail_owner = postfix
setgid_group = postdrop
myhostname = mail.example.test
mydestination = localhost
inet_interfaces = $ADDRESS
inet_protocols = ipv4
alias_maps =
alias_database =
local_recipient_maps =
local_transport = discard:
default_transport = discard:
relay_transport = discard:
maillog_file_prefixes = $DIR
maillog_file = $DIR/mail.log
smtpd_tls_chain_files = $CERTS/rsa.key, $CERTS/rsa.pem, $CERTS/ec.key, $CERTS/ec.pem
smtpd_tls_security_level = may
smtpd_tls_loglevel = 1
smtpd_recipient_restrictions = reject
smtpd_relay_restrictions = reject
smtpd_client_connection_count_limit = 0
smtpd_client_restrictions = permit
smtpd_error_sleep_time = 0
smtpd_hard_error_limit = 100000
smtpd_soft_error_limit = 100000
smtpd_junk_command_limit = 100000
postscreen_greet_wait = 3s
postscreen_access_list =
postscreen_greet_action = ignore
disable_dns_lookups = yes
E
}

master_cf() {
  cat <<E
$ADDRESS:11025 inet n - n - - smtpd
$ADDRESS:11026 inet n - n - - smtpd
  -o smtpd_tls_protocols=>=TLSv1
  -o smtpd_tls_ciphers=low
  -o tls_low_cipherlist=ALL:COMPLEMENTOFALL:@SECLEVEL=0
  -o smtpd_tls_dh1024_param_file=$CERTS/dh1024.pem
$ADDRESS:11027 inet n - n - 1 postscreen
smtpd pass - - n - - smtpd
tlsproxy unix - - n - 0 tlsproxy
dnsblog unix - - n - 0 dnsblog
$ADDRESS:11028 inet n - n - - smtpd
  -o smtpd_tls_security_level=none
$ADDRESS:11029 inet n - n - - smtpd
  -o smtpd_discard_ehlo_keywords=starttls
$ADDRESS:11030 inet n - n - - smtpd
  -o smtpd_tls_ask_ccert=yes
  -o smtpd_tls_req_ccert=yes
  -o smtpd_tls_security_level=encrypt
$ADDRESS:11465 inet n - n - - smtpd
  -o smtpd_tls_wrappermode=yes
$ADDRESS:11587 inet n - n - - smtpd
  -o smtpd_tls_security_level=encrypt
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
proxymap unix - - n - - proxymap
showq unix n - n - - showq
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
E
}
