# exim: a second SMTP server, on GnuTLS. Its package conflicts with postfix's.
unpacked="exim4-daemon-light"
users="Debian-exim" # a name compiled into it
programs="$PACKAGES/x/exim4-daemon-light/usr/sbin/exim4"

ports() {
  row 12025 smtp starttls smtp "GnuTLS"
  row 12465 submissions implicit - "GnuTLS"
  row 12587 submission starttls smtp "GnuTLS"
}

start() {
  give Debian-exim
  mkdir -p "$DIR/spool" "$DIR/log"
  chown -R Debian-exim "$DIR"
  cat >"$DIR/exim.conf" <<E
primary_hostname = mail.example.test
exim_user = Debian-exim
exim_group = Debian-exim
spool_directory = $DIR/spool
log_file_path = $DIR/log/%slog
pid_file_path = $DIR/exim.pid
local_interfaces = $ADDRESS
daemon_smtp_ports = 12025 : 12465 : 12587
tls_on_connect_ports = 12465
tls_advertise_hosts = *
tls_certificate = $DIR/cert.pem
tls_privatekey = $DIR/key.pem
host_lookup =
rfc1413_query_timeout = 0s
smtp_accept_max = 200
never_users = root
keep_environment =
acl_smtp_rcpt = deny
begin acl
deny:
  deny
begin routers
begin transports
begin retry
E
  # Exim reads its configuration as root and wants it to be root's.
  chown root:root "$DIR/exim.conf"
  chmod 644 "$DIR/exim.conf"
  background "$PACKAGES/x/exim4-daemon-light/usr/sbin/exim4" -C "$DIR/exim.conf" -bdf
}
