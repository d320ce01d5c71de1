# inspircd: IRC with STARTTLS, and through TLS.
packages="inspircd"
programs="/usr/sbin/inspircd"

ports() {
  row 17667 irc starttls irc "capability tls, GnuTLS"
  row 17697 ircs implicit - "GnuTLS"
}

start() {
  give irc
  mkdir -p "$DIR/data" "$DIR/log" "$DIR/run"
  cat >"$DIR/inspircd.conf" <<E
<server name="irc.example.test" description="bed" network="bed">
<admin name="bed" nick="bed" email="bed@example.test">
<path configdir="$DIR" datadir="$DIR/data" logdir="$DIR/log" runtimedir="$DIR/run">
<module name="ssl_gnutls">
<module name="starttls">
<module name="cap">
<sslprofile name="bedtls" provider="gnutls" certfile="$DIR/cert.pem" keyfile="$DIR/key.pem">
<bind address="$ADDRESS" port="17667" type="clients">
<bind address="$ADDRESS" port="17697" type="clients" sslprofile="bedtls">
<starttls sslprofile="bedtls">
<connect name="main" allow="*" timeout="60" localmax="500" globalmax="500" maxconnwarn="no" resolvehostnames="no" useident="no">
<performance softlimit="5000" nouserdns="yes" somaxconn="128">
<log method="file" type="*" level="default" target="$DIR/log/ircd.log">
<pid file="$DIR/run/inspircd.pid">
<options defaultbind="ipv4">
E
  chown -R irc "$DIR"
  background setpriv --reuid=irc --regid=irc --clear-groups /usr/sbin/inspircd --config "$DIR/inspircd.conf" --nofork
}
