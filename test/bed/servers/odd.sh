# odd: openssl s_server with one oddity a port. It answers each line with the line reversed.
packages="openssl"
programs="/usr/bin/openssl"
all="ALL:COMPLEMENTOFALL:@SECLEVEL=0"

ports() {
  row 19001 tls implicit - "TLS 1.0 only"
  row 19002 tls implicit - "TLS 1.1 only"
  row 19003 tls implicit - "TLS 1.2 only, anonymous and NULL suites too"
  row 19004 tls implicit - "TLS 1.3 only"
  row 19005 tls implicit - "self-signed"
  row 19006 tls implicit - "expired"
  row 19007 tls implicit - "wrong name"
  row 19008 tls implicit - "RSA 1024, SHA-1 signatures"
  row 19009 tls implicit - "client certificate required"
  row 19010 tls implicit - "100 certificates"
  row 19011 tls implicit - "ECDSA P-256"
  row 19012 tls implicit - "RSA and ECDSA"
  row 19013 tls implicit - "Ed25519"
  row 19014 tls implicit - "not yet valid"
  row 19015 tls implicit - "RSA-PSS key"
  row 19016 tls implicit - "DHE with 1024 bits, TLS 1.2 only"
  row 19017 tls implicit - "intermediate missing"
  row 19018 tls implicit - "chain in wrong order, with the root"
  row 19019 tls implicit - "must-staple without a staple"
  row 19020 tls implicit - "OCSP staple"
  row 19021 tls implicit - "name only in the common name"
  row 19022 tls implicit - "server prefers AES128-SHA, no tickets, TLS 1.2 only"
  row 19023 tls implicit - "client renegotiation allowed, TLS 1.2 only"
  row 19024 tls implicit - "only anonymous and NULL suites, TLS 1.2 only"
  row 19025 tls implicit - "another certificate for other.example.test"
  row 19026 tls implicit - "TLS 1.0 and later, all ciphers"
}

start() {
  cd "$CERTS" || return
  local honest="-cert rsa.crt -cert_chain inter.pem -key rsa.key"
  serve 19001 $honest -tls1 -cipher "$all"
  serve 19002 $honest -tls1_1 -cipher "$all"
  serve 19003 $honest -tls1_2 -cipher "$all"
  serve 19004 $honest -tls1_3
  serve 19005 -cert self.pem -key self.key
  serve 19006 -cert expired.crt -cert_chain inter.pem -key expired.key
  serve 19007 -cert wrong.crt -cert_chain inter.pem -key wrong.key
  serve 19008 -cert rsa1024.crt -cert_chain ca1024.pem -key rsa1024.key -cipher "$all" -min_protocol TLSv1
  serve 19009 $honest -Verify 3 -verify_return_error -CAfile ca.pem -chainCAfile ca.pem
  serve 19010 -cert chain100.crt -cert_chain chain100-rest.pem -key chain100.key -cipher "$all"
  serve 19011 -cert ec.crt -cert_chain inter.pem -key ec.key
  serve 19012 $honest -dcert ec.crt -dcert_chain inter.pem -dkey ec.key
  serve 19013 -cert ed.crt -cert_chain inter.pem -key ed.key
  serve 19014 -cert future.crt -cert_chain inter.pem -key future.key
  serve 19015 -cert pss.crt -cert_chain inter.pem -key pss.key
  serve 19016 $honest -tls1_2 -cipher DHE:@SECLEVEL=0 -dhparam dh1024.pem
  serve 19017 -cert rsa.crt -key rsa.key
  serve 19018 -cert rsa.crt -key rsa.key -cert_chain misorder.pem
  serve 19019 -cert staple.crt -cert_chain inter.pem -key staple.key
  serve 19020 $honest -status_file ocsp.der
  serve 19021 -cert cnonly.crt -cert_chain inter.pem -key cnonly.key
  serve 19022 $honest -tls1_2 -serverpref -cipher AES128-SHA:ECDHE-RSA-AES256-GCM-SHA384 -no_ticket
  serve 19023 $honest -tls1_2 -client_renegotiation
  serve 19024 $honest -tls1_2 -cipher 'aNULL:eNULL:@SECLEVEL=0'
  serve 19025 $honest -cert2 wrong.crt -key2 wrong.key -servername other.example.test
  serve 19026 $honest -min_protocol TLSv1 -cipher "$all"
}

serve() { # PORT OPTION...
  local port=$1
  shift
  background openssl s_server -accept "$ADDRESS:$port" -rev -quiet "$@"
}
