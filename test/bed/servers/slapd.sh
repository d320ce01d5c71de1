# slapd: LDAP with StartTLS, and through TLS.
packages="slapd"
programs="/usr/sbin/slapd"

ports() {
  row 18389 ldap starttls ldap "GnuTLS"
  row 18636 ldaps implicit - "GnuTLS"
}

start() {
  give openldap
  mkdir -p "$DIR/db"
  cat >"$DIR/slapd.conf" <<E
include /etc/ldap/schema/core.schema
pidfile $DIR/slapd.pid
argsfile $DIR/slapd.args
modulepath /usr/lib/ldap
moduleload back_mdb
TLSCertificateFile $DIR/cert.pem
TLSCertificateKeyFile $DIR/key.pem
TLSCACertificateFile $CERTS/ca.pem
database mdb
maxsize 10485760
suffix "dc=example,dc=test"
rootdn "cn=admin,dc=example,dc=test"
rootpw secret
directory $DIR/db
E
  chown -R openldap "$DIR"
  background /usr/sbin/slapd -h "ldap://$ADDRESS:18389/ ldaps://$ADDRESS:18636/" -u openldap -g openldap -f "$DIR/slapd.conf" -d 0
}
