# cyrus-imapd: a second IMAP, POP3 and ManageSieve server. Its packages conflict with dovecot's.
packages="libsasl2-modules sasl2-bin"
unpacked="cyrus-common cyrus-imapd cyrus-pop3d"
common=$PACKAGES/x/cyrus-common/usr/lib/cyrus/bin
imap=$PACKAGES/x/cyrus-imapd/usr/lib/cyrus/bin
pop=$PACKAGES/x/cyrus-pop3d/usr/lib/cyrus/bin
programs="$common/master $common/timsieved $imap/imapd $pop/pop3d"

ports() {
  row 15243 imap starttls imap "TLS 1.0 and later asked for"
  row 15293 imaps implicit - "TLS 1.0 and later asked for"
  row 15210 pop3 starttls pop3 ""
  row 15295 pop3s implicit - ""
  row 15290 sieve starttls sieve ""
}

start() {
  give mail
  mkdir -p "$DIR/spool" "$DIR/conf/socket" "$DIR/conf/db" "$DIR/conf/proc" "$DIR/conf/log"
  cat >"$DIR/imapd.conf" <<E
configdirectory: $DIR/conf
partition-default: $DIR/spool
defaultpartition: default
servername: mail.example.test
cyrus_user: mail
cyrus_group: mail
sasl_pwcheck_method: auxprop
sasl_auxprop_plugin: sasldb
sasl_sasldb_path: $DIR/conf/sasldb2
allowplaintext: no
allowstarttls: yes
tls_server_cert: $DIR/cert.pem
tls_server_key: $DIR/key.pem
tls_versions: tls1_0 tls1_1 tls1_2 tls1_3
maxlogins_per_host: 0
syslog_prefix: mailseal-bed
E
  cat >"$DIR/cyrus.conf" <<E
START {
  recover cmd="$common/ctl_cyrusdb -C $DIR/imapd.conf -r"
}
SERVICES {
  imap cmd="$imap/imapd -C $DIR/imapd.conf -U 30" listen="$ADDRESS:15243" prefork=0 maxchild=100
  imaps cmd="$imap/imapd -C $DIR/imapd.conf -s -U 30" listen="$ADDRESS:15293" prefork=0 maxchild=100
  pop3 cmd="$pop/pop3d -C $DIR/imapd.conf -U 30" listen="$ADDRESS:15210" prefork=0 maxchild=50
  pop3s cmd="$pop/pop3d -C $DIR/imapd.conf -s -U 30" listen="$ADDRESS:15295" prefork=0 maxchild=50
  sieve cmd="$common/timsieved -C $DIR/imapd.conf" listen="$ADDRESS:15290" prefork=0 maxchild=50
}
EVENTS {
}
E
  chown -R mail:mail "$DIR"
  background env "LD_LIBRARY_PATH=$(libraries_of $unpacked)" "PATH=$common:$PATH" CYRUS_USER=mail \
    "$common/master" -C "$DIR/imapd.conf" -M "$DIR/cyrus.conf" -p "$DIR/master.pid"
}
