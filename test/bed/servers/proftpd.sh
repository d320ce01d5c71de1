# proftpd: a second FTP server. Its package conflicts with vsftpd's.
unpacked="proftpd-core proftpd-mod-crypto"
root=$PACKAGES/x/proftpd-core/usr
programs="$root/sbin/proftpd $PACKAGES/x/proftpd-mod-crypto/usr/lib/proftpd/mod_tls.so"

ports() {
  row 18121 ftp starttls ftp "all ciphers, TLS 1.0 and later, SECLEVEL 0"
  row 18190 ftps implicit - "all ciphers, TLS 1.0 and later, SECLEVEL 0"
}

start() {
  give root
  mkdir -p "$DIR/modules"
  cp "$root"/lib/proftpd/*.so "$PACKAGES"/x/proftpd-mod-crypto/usr/lib/proftpd/*.so "$DIR/modules/"
  cat >"$DIR/proftpd.conf" <<E
ModulePath $DIR/modules
LoadModule mod_tls.c
ServerName "bed"
ServerType standalone
DefaultAddress $ADDRESS
Port 18121
UseIPv6 off
User nobody
Group nogroup
PidFile $DIR/proftpd.pid
ScoreboardFile $DIR/scoreboard
<IfModule mod_delay.c>
DelayEngine off
</IfModule>
UseReverseDNS off
WtmpLog off
SystemLog $DIR/proftpd.log
MaxInstances 200
AuthOrder mod_auth_unix.c
$(tls "")
<VirtualHost $ADDRESS>
Port 18190
$(tls "TLSOptions UseImplicitSSL")
</VirtualHost>
E
  background "$root/sbin/proftpd" -n -c "$DIR/proftpd.conf"
}

tls() { # MORE
  cat <<E
TLSEngine on
TLSLog $DIR/tls.log
TLSProtocol TLSv1 TLSv1.1 TLSv1.2 TLSv1.3
TLSCipherSuite ALL:@SECLEVEL=0
TLSRSACertificateFile $DIR/cert.pem
TLSRSACertificateKeyFile $DIR/key.pem
TLSCertificateChainFile $CERTS/inter.pem
TLSRequired off
$1
E
}
