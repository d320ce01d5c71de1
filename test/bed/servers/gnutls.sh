# gnutls: gnutls-serv, which echoes. It cannot be told an address and listens on all of them.
packages="gnutls-bin"
programs="/usr/bin/gnutls-serv"

ports() {
  row 19101 tls implicit - "defaults"
  row 19102 tls implicit - "TLS 1.0 only"
  row 19103 tls implicit - "TLS 1.2 only, RC4, 3DES, NULL and MD5 too"
  row 19104 tls implicit - "anonymous suites too"
  row 19106 tls implicit - "client certificate required"
  row 19107 tls implicit - "TLS 1.3 only"
}

start() {
  serve 19101
  serve 19102 --priority NORMAL:-VERS-ALL:+VERS-TLS1.0
  serve 19103 --priority NORMAL:-VERS-ALL:+VERS-TLS1.2:+ARCFOUR-128:+3DES-CBC:+NULL:+MD5:+SHA1:+RSA:+DHE-RSA:%COMPAT
  serve 19104 --priority NORMAL:+ANON-ECDH:+ANON-DH
  serve 19106 --require-client-cert --x509cafile="$CERTS/ca.pem"
  serve 19107 --priority NORMAL:-VERS-ALL:+VERS-TLS1.3
}

serve() { # PORT OPTION...
  local port=$1
  shift
  background gnutls-serv --quiet --echo --port="$port" --x509certfile="$CERTS/rsa.pem" --x509keyfile="$CERTS/rsa.key" "$@"
}
