# ngircd: IRC in clear without STARTTLS, and through TLS.
packages="ngircd"
programs="/usr/sbin/ngircd"

ports() {
  row 17767 irc clear - "no STARTTLS"
  row 17797 ircs implicit - "GnuTLS"
}

start() {
  give irc
  cat >"$DIR/ngircd.conf" <<E
[Global]
Name = irc.example.test
Info = bed
AdminInfo1 = bed
AdminEMail = bed@example.test
Listen = $ADDRESS
Ports = 17767
ServerUID = irc
ServerGID = irc
[Limits]
MaxConnectionsIP = 0
[Options]
DNS = no
Ident = no
PAM = no
[SSL]
CertFile = $DIR/cert.pem
KeyFile = $DIR/key.pem
Ports = 17797
E
  background /usr/sbin/ngircd -n -f "$DIR/ngircd.conf"
}
